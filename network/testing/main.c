/* main.c: a test links chaincodes with all their functions, those that would serve a peer included; but nobody serves. */
#include <fcc/chaincode.h>

#include <stdio.h>

int fcc_main(int argc, char **argv, const fcc_chaincode *chaincode)
{
    fputs("fcc_main: this program is linked with libfcc-test, which has no network; link libfcc to serve a peer\n",
          stderr);
    return 1;
}
