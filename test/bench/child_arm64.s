#include "textflag.h"

// The children of child.go. Each starts where the kernel starts a process: SP points at argc, and the bytes below it are free.

#define SYS_read            63
#define SYS_write           64
#define SYS_ppoll           73
#define SYS_exit_group      94
#define SYS_nanosleep       101
#define SYS_clock_gettime   113
#define SYS_kill            129
#define SYS_rt_sigprocmask  135
#define SYS_rt_sigtimedwait 137
#define SYS_clone           220
#define SYS_wait4           260

// func code() (exits, sleeps, answers, orphans *byte)
TEXT ·code(SB),NOSPLIT,$0-32
	MOVD	$exits<>(SB), R0
	MOVD	R0, exits+0(FP)
	MOVD	$sleeps<>(SB), R0
	MOVD	R0, sleeps+8(FP)
	MOVD	$answers<>(SB), R0
	MOVD	R0, answers+16(FP)
	MOVD	$orphans<>(SB), R0
	MOVD	R0, orphans+24(FP)
	RET

TEXT exits<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	ZR, R0
	MOVD	$SYS_exit_group, R8
	SVC

TEXT sleeps<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	$1, R0
	MOVD	RSP, R1
	MOVD	$1, R2
	MOVD	$SYS_write, R8
	SVC
forever:
	MOVD	ZR, R0
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$SYS_ppoll, R8
	SVC
	B	forever

// 0(R19) the set of USR1 alone, 16(R19) a struct timespec
TEXT answers<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	RSP, R19
	SUB	$128, R19
	MOVD	$(1<<9), R0
	MOVD	R0, 0(R19)
	MOVD	ZR, R0	// SIG_BLOCK
	MOVD	R19, R1
	MOVD	ZR, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC
answer:
	MOVD	$1, R0	// CLOCK_MONOTONIC
	ADD	$16, R19, R1
	MOVD	$SYS_clock_gettime, R8
	SVC
	MOVD	$1, R0
	ADD	$16, R19, R1
	MOVD	$16, R2
	MOVD	$SYS_write, R8
	SVC
	MOVD	R19, R0
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigtimedwait, R8
	SVC
	B	answer

// 0(R19) an order, 16(R19) a struct timespec, 32(R19) a wait status; R20 how many are still to be made, R21 how many of this batch
TEXT orphans<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	RSP, R19
	SUB	$128, R19
	MOVD	ZR, 16(R19)
	MOVD	$20000, R0
	MOVD	R0, 24(R19)
order:
	MOVD	ZR, R0
	MOVD	R19, R1
	MOVD	$16, R2
	MOVD	$SYS_read, R8
	SVC
	CMP	$16, R0
	BNE	end
	MOVD	0(R19), R20
batch:
	MOVD	8(R19), R21
one:
	MOVD	$17, R0	// SIGCHLD
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$SYS_clone, R8
	SVC
	CMP	$0, R0
	BLT	fail
	BEQ	between
	ADD	$32, R19, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	$SYS_wait4, R8
	SVC
	MOVW	32(R19), R0
	CBNZ	R0, fail
	SUB	$1, R21
	CBNZ	R21, one
unreaped:
	ADD	$16, R19, R0
	MOVD	ZR, R1
	MOVD	$SYS_nanosleep, R8
	SVC
	MOVD	$-1, R0
	MOVD	ZR, R1
	MOVD	$SYS_kill, R8
	SVC
	CMP	$-3, R0	// ESRCH: there is nobody left to be sent signal 0
	BNE	unreaped
	MOVD	8(R19), R0
	SUB	R0, R20
	CMP	$0, R20
	BGT	batch
	MOVD	$1, R0
	MOVD	R19, R1
	MOVD	$1, R2
	MOVD	$SYS_write, R8
	SVC
	B	order
between:
	MOVD	$17, R0
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$SYS_clone, R8
	SVC
	CMP	$0, R0
	BLT	fail
end:
	MOVD	ZR, R0
	MOVD	$SYS_exit_group, R8
	SVC
fail:
	MOVD	$1, R0
	MOVD	$SYS_exit_group, R8
	SVC
