# libfcc: the chaincode shim. base and protos are in the main makefile; rpc is used by the network too, core is not.
$(eval $(call archive,rpc,shim/rpc))
$(eval $(call archive,exec,shim/exec))
$(eval $(call archive,identity,shim/identity))
$(eval $(call archive,core,shim/core))
$(eval $(call archive,io,shim/io))

RPC = $(B)/librpc.a $(B)/libbase.a
UNIT_shim/rpc := $(RPC)
# What a chaincode links, in link order
FCC = $(B)/libio.a $(B)/libcore.a $(B)/libexec.a $(B)/libidentity.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a
FCC_LIBS = $(FCC_GRPC) $(PB_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS)

UNIT_shim/exec := $(B)/libexec.a $(B)/libbase.a
UNIT_shim/identity := $(B)/libidentity.a $(B)/libprotos.a $(B)/libbase.a
UNIT_shim/core := $(B)/libcore.a $(B)/libexec.a $(UNIT_shim/identity)
UNIT_shim/io := $(FCC)

# libfcc.a, what `make install` gives to authors: the shim as one object that shows only what the public headers declare,
# so that nothing in it can meet a name of the author's
$(B)/fcc.o: $(FCC)
	$(call say,LD,$@)
	$(Q)$(LD) -r --whole-archive $(FCC) -o $@ && objcopy --localize-hidden $@
$(B)/libfcc.a: $(B)/fcc.o
ARCHIVES += $(B)/libfcc.a

# fcc-host runs chaincodes; of the shim it links what reads the counters, and base
MHD_LIBS := $(shell pkg-config --libs libmicrohttpd 2>/dev/null)
$(eval $(call archive,host,shim/host))
PROGRAMS += fcc-host
HOST = $(B)/libhost.a $(B)/obj/shim/io/counters.c.o $(B)/libbase.a
fcc-host_OBJS = $(HOST)
fcc-host_LIBS = $(MHD_LIBS) $(YAML_LIBS) $(JSON_LIBS)
UNIT_shim/host := $(B)/libhost.a $(B)/obj/shim/io/counters.c.o $(B)/libbase.a
TEST_PROGRAMS += $(B)/test-support/host_client
$(B)/test-support/host_client: $(B)/obj/test/support/host_client.c.o $(RPC) $(B)/libprotos.a $(B)/libbase.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/obj/test/support/host_client.c.o $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a \
	  $(GRPC_LIBS) $(PB_LIBS)
TEST_PROGRAMS += $(B)/test-support/misbehaving
$(B)/test-support/misbehaving: $(B)/obj/test/support/misbehaving.c.o $(FCC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCC_LIBS)
