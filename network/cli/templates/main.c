/* The chaincode's process. Apart from sample.c, so that the tests have a main of their own. */
#include "sample.h"

int main(int argc, char **argv)
{
    return fcc_main(argc, argv, &sample_chaincode);
}
