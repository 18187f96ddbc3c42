/* main.c: the chaincode credentials as a program. */
#include "credentials/credentials.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &credentials_chaincode, &credentials_table);
}
