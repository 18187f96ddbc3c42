/* The switch for x86-64, System V ABI: rbx, rbp, r12 to r15, rsp and the two floating-point control words are the
   callee's to keep. Layout of a saved stack, upwards: control words, r15, r14, r13, r12, rbx, rbp, return address. */
#if defined(__x86_64__)
        .text
        .globl  fcc__switch
        .hidden fcc__switch
        .type   fcc__switch, @function
        .p2align 4
fcc__switch:
        .cfi_startproc
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   fcc__switch, . - fcc__switch

/* r12 holds the function, r13 its argument. */
        .globl  fcc__switch_start
        .hidden fcc__switch_start
        .type   fcc__switch_start, @function
        .p2align 4
fcc__switch_start:
        .cfi_startproc
        .cfi_undefined rip
        movq    %r13, %rdi
        call    *%r12
        ud2
        .cfi_endproc
        .size   fcc__switch_start, . - fcc__switch_start
#endif
        .section .note.GNU-stack, "", %progbits
