#include "textflag.h"

// The children of child.go. Each starts where the kernel starts a process: SP points at argc, and the bytes below it are free.

#define SYS_read            0
#define SYS_write           1
#define SYS_rt_sigprocmask  14
#define SYS_nanosleep       35
#define SYS_clone           56
#define SYS_wait4           61
#define SYS_kill            62
#define SYS_rt_sigtimedwait 128
#define SYS_clock_gettime   228
#define SYS_exit_group      231
#define SYS_ppoll           271

// func code() (exits, sleeps, answers, orphans *byte)
TEXT ·code(SB),NOSPLIT,$0-32
	LEAQ	exits<>(SB), AX
	MOVQ	AX, exits+0(FP)
	LEAQ	sleeps<>(SB), AX
	MOVQ	AX, sleeps+8(FP)
	LEAQ	answers<>(SB), AX
	MOVQ	AX, answers+16(FP)
	LEAQ	orphans<>(SB), AX
	MOVQ	AX, orphans+24(FP)
	RET

TEXT exits<>(SB),NOSPLIT|NOFRAME,$0
	XORL	DI, DI
	MOVL	$SYS_exit_group, AX
	SYSCALL

TEXT sleeps<>(SB),NOSPLIT|NOFRAME,$0
	MOVL	$1, DI
	MOVQ	SP, SI
	MOVL	$1, DX
	MOVL	$SYS_write, AX
	SYSCALL
forever:
	XORL	DI, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_ppoll, AX
	SYSCALL
	JMP	forever

// 0(R12) the set of USR1 alone, 16(R12) a struct timespec
TEXT answers<>(SB),NOSPLIT|NOFRAME,$0
	LEAQ	-128(SP), R12
	MOVQ	$(1<<9), AX
	MOVQ	AX, 0(R12)
	XORL	DI, DI	// SIG_BLOCK
	MOVQ	R12, SI
	XORL	DX, DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigprocmask, AX
	SYSCALL
answer:
	MOVL	$1, DI	// CLOCK_MONOTONIC
	LEAQ	16(R12), SI
	MOVL	$SYS_clock_gettime, AX
	SYSCALL
	MOVL	$1, DI
	LEAQ	16(R12), SI
	MOVL	$16, DX
	MOVL	$SYS_write, AX
	SYSCALL
	MOVQ	R12, DI
	XORL	SI, SI
	XORL	DX, DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigtimedwait, AX
	SYSCALL
	JMP	answer

// 0(R12) an order, 16(R12) a struct timespec, 32(R12) a wait status; R13 how many are still to be made, R14 how many of this batch
TEXT orphans<>(SB),NOSPLIT|NOFRAME,$0
	LEAQ	-128(SP), R12
	MOVQ	$0, 16(R12)
	MOVQ	$20000, 24(R12)
order:
	XORL	DI, DI
	MOVQ	R12, SI
	MOVL	$16, DX
	MOVL	$SYS_read, AX
	SYSCALL
	CMPQ	AX, $16
	JNE	end
	MOVQ	0(R12), R13
batch:
	MOVQ	8(R12), R14
one:
	MOVL	$17, DI	// SIGCHLD
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JS	fail
	JZ	between
	MOVQ	AX, DI
	LEAQ	32(R12), SI
	XORL	DX, DX
	XORL	R10, R10
	MOVL	$SYS_wait4, AX
	SYSCALL
	CMPL	32(R12), $0
	JNE	fail
	DECQ	R14
	JNZ	one
unreaped:
	LEAQ	16(R12), DI
	XORL	SI, SI
	MOVL	$SYS_nanosleep, AX
	SYSCALL
	MOVQ	$-1, DI
	XORL	SI, SI
	MOVL	$SYS_kill, AX
	SYSCALL
	CMPQ	AX, $-3	// ESRCH: there is nobody left to be sent signal 0
	JNE	unreaped
	SUBQ	8(R12), R13
	JG	batch
	MOVL	$1, DI
	MOVQ	R12, SI
	MOVL	$1, DX
	MOVL	$SYS_write, AX
	SYSCALL
	JMP	order
between:
	MOVL	$17, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JS	fail
end:
	XORL	DI, DI
	MOVL	$SYS_exit_group, AX
	SYSCALL
fail:
	MOVL	$1, DI
	MOVL	$SYS_exit_group, AX
	SYSCALL
