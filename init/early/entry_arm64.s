#include "textflag.h"

#define SYS_clone 220

// keelson_entry is where the kernel starts the process (go build -ldflags='-E keelson_entry'): SP points at argc.
//
// The frame below it, zeroed: 8(RSP) the argument of start, 32(RSP) the kernel's SP, 512(RSP) g: all zeros,
// so stackguard0 is 0 and no prologue ever asks for more stack. Compiled code keeps g in R28.
TEXT keelson_entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	RSP, R19
	SUB	$1024, R19, R20
	AND	$~63, R20
	MOVD	R20, RSP
	MOVD	R20, R1
	ADD	$1024, R20, R2
zero:
	MOVD	ZR, (R1)
	ADD	$8, R1
	CMP	R2, R1
	BLO	zero
	MOVD	R19, 32(RSP)
	MOVD	RSP, R20
	ADD	$512, R20, g
	MOVD	R19, 8(RSP)
	BL	·start(SB)
	MOVD	32(RSP), R19
	MOVD	R19, RSP
	B	_rt0_arm64_linux(SB)

// func syscall6(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr
TEXT ·syscall6(SB),NOSPLIT,$0-64
	MOVD	nr+0(FP), R8
	MOVD	a1+8(FP), R0
	MOVD	a2+16(FP), R1
	MOVD	a3+24(FP), R2
	MOVD	a4+32(FP), R3
	MOVD	a5+40(FP), R4
	MOVD	a6+48(FP), R5
	SVC
	MOVD	R0, ret+56(FP)
	RET

// func cloneChild(flags uintptr, w unsafe.Pointer) uintptr
//
// The child gets a stack of its own below this frame, so that with CLONE_VM it cannot write over what the parent
// comes back to; it calls child, which does not return.
TEXT ·cloneChild(SB),NOSPLIT,$0-24
	MOVD	flags+0(FP), R0
	MOVD	RSP, R1
	SUB	$256, R1
	AND	$~15, R1
	MOVD	w+8(FP), R19
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$SYS_clone, R8
	SVC
	CBNZ	R0, parent
	SUB	$32, RSP
	MOVD	R19, 8(RSP)
	BL	·child(SB)
	BRK
parent:
	MOVD	R0, ret+16(FP)
	RET

// func layout() (text, here, edata uintptr)
TEXT ·layout(SB),NOSPLIT,$0-24
	MOVD	$runtime·text(SB), R0
	MOVD	R0, text+0(FP)
	MOVD	$·syscall6(SB), R0
	MOVD	R0, here+8(FP)
	MOVD	$runtime·edata(SB), R0
	MOVD	R0, edata+16(FP)
	RET
