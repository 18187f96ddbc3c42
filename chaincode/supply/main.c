/* main.c: the chaincode supply as a program. */
#include "supply/supply.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &supply_chaincode, &supply_table);
}
