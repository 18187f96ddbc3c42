/* The switch for aarch64, AAPCS64: x19 to x30, sp and the lower halves of v8 to v15 are the callee's to keep. */
#if defined(__aarch64__)
        .text
        .globl  fcc__switch
        .hidden fcc__switch
        .type   fcc__switch, %function
        .p2align 4
fcc__switch:
        .cfi_startproc
        sub     sp, sp, #160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        ret
        .cfi_endproc
        .size   fcc__switch, . - fcc__switch

/* x19 holds the function, x20 its argument. */
        .globl  fcc__switch_start
        .hidden fcc__switch_start
        .type   fcc__switch_start, %function
        .p2align 4
fcc__switch_start:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        blr     x19
        brk     #1
        .cfi_endproc
        .size   fcc__switch_start, . - fcc__switch_start
#endif
        .section .note.GNU-stack, "", %progbits
