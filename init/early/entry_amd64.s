#include "textflag.h"

#define SYS_clone      56
#define SYS_arch_prctl 158
#define ARCH_SET_FS    0x1002

// keelson_entry is where the kernel starts the process (go build -ldflags='-E keelson_entry'): SP points at argc.
//
// The frame below it, zeroed: 0(SP) the argument of start, 24(SP) the thread-local slot -8(FS), where compiled code finds g,
// 32(SP) and 40(SP) the kernel's SP and DX, 512(SP) g itself: all zeros, so stackguard0 is 0 and no
// prologue ever asks for more stack.
TEXT keelson_entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	SP, BX
	SUBQ	$1024, SP
	ANDQ	$~63, SP
	MOVQ	SP, DI
	XORL	AX, AX
	MOVQ	$128, CX
	CLD
	REP; STOSQ
	LEAQ	512(SP), AX
	MOVQ	AX, 24(SP)
	MOVQ	BX, 32(SP)
	MOVQ	DX, 40(SP)
	LEAQ	32(SP), SI
	MOVQ	$ARCH_SET_FS, DI
	MOVQ	$SYS_arch_prctl, AX
	SYSCALL
	MOVQ	32(SP), AX
	MOVQ	AX, 0(SP)
	CALL	·start(SB)
	MOVQ	40(SP), DX
	MOVQ	32(SP), SP
	JMP	_rt0_amd64_linux(SB)

// func syscall6(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr
TEXT ·syscall6(SB),NOSPLIT,$0-64
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	SYSCALL
	MOVQ	AX, ret+56(FP)
	RET

// func cloneChild(flags uintptr, w unsafe.Pointer) uintptr
//
// The child gets a stack of its own below this frame, so that with CLONE_VM it cannot write over what the parent
// comes back to; it calls child, which does not return.
TEXT ·cloneChild(SB),NOSPLIT,$0-24
	MOVQ	flags+0(FP), DI
	LEAQ	-256(SP), SI
	ANDQ	$~15, SI
	MOVQ	w+8(FP), R12
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVQ	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JNZ	parent
	SUBQ	$32, SP
	MOVQ	R12, 0(SP)
	CALL	·child(SB)
	INT	$3
parent:
	MOVQ	AX, ret+16(FP)
	RET

// func layout() (text, here, edata uintptr)
TEXT ·layout(SB),NOSPLIT,$0-24
	LEAQ	runtime·text(SB), AX
	MOVQ	AX, text+0(FP)
	LEAQ	·syscall6(SB), AX
	MOVQ	AX, here+8(FP)
	LEAQ	runtime·edata(SB), AX
	MOVQ	AX, edata+16(FP)
	RET
