# The network: archives in the order of their dependencies, each knowing only those above it.
$(eval $(call archive,config,network/config))
$(eval $(call archive,msp,network/msp))
MSP = $(B)/libmsp.a $(B)/libconfig.a $(B)/libprotos.a $(B)/libbase.a
UNIT_network/config := $(B)/libconfig.a $(B)/libbase.a
UNIT_network/msp := $(B)/libmsp.a $(B)/libconfig.a $(B)/libprotos.a $(B)/libbase.a
$(eval $(call archive,certs,network/certs))
UNIT_network/certs := $(B)/libcerts.a $(MSP)
$(eval $(call archive,ledger,network/ledger))
LEDGER = $(B)/libledger.a $(MSP)
UNIT_network/ledger := $(B)/libledger.a $(B)/libmsp.a $(B)/libconfig.a $(B)/libprotos.a $(B)/libbase.a
$(eval $(call archive,scc,network/scc))
SCC = $(B)/libscc.a $(LEDGER)
# Tests that put a disk of their own under the ledger
DISK = $(B)/obj/test/support/disk.c.o $(B)/obj/test/support/disk_log.c.o
UNIT_network/ledger/test_powerloss = $(DISK) $(LEDGER)
UNIT_network/ledger/test_history = $(DISK) $(LEDGER)
$(eval $(call archive,audit,network/audit))
UNIT_network/audit := $(B)/libaudit.a $(LEDGER)
UNIT_network/ledger/test_diskfull = $(DISK) $(LEDGER)
TEST_PROGRAMS += $(B)/test-support/cut $(B)/test-support/disk.so
$(B)/test-support/cut: $(B)/obj/test/support/cut.c.o $(B)/obj/test/support/disk_log.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^
$(B)/test-support/disk.so: test/support/disk.c test/support/disk.h
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fPIC -shared -o $@ $<
$(eval $(call archive,peer,network/peer))
$(eval $(call archive,devnet,network/devnet))
# What `devnet up --referee` loads before a chaincode: found beside bin, in lib/medsync
$(B)/lib/medsync/clock.so: network/devnet/preload/clock.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -fvisibility=hidden -fPIC -shared -Wl,-z,relro,-z,now -o $@ $<
LIBRARIES += $(B)/lib/medsync/clock.so
TEST_PROGRAMS += $(B)/test-support/until
$(B)/test-support/until: $(B)/obj/test/support/until.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^
TEST_PROGRAMS += $(B)/test-support/wayward
$(B)/test-support/wayward: $(B)/obj/test/support/wayward.c.o $(FCC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCC_LIBS)
# What a program with a devnet in it links, in link order
DEVNET = $(B)/libdevnet.a $(B)/libpeer.a $(B)/libscc.a $(B)/libledger.a $(B)/libpackage.a $(B)/libmsp.a \
  $(B)/libconfig.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a
UNIT_network/scc := $(B)/libpeer.a $(SCC)
UNIT_network/peer := $(B)/libpeer.a $(SCC)
UNIT_network/devnet := $(DEVNET)
TEST_PROGRAMS += $(B)/test-support/chain
$(B)/test-support/chain: $(B)/obj/test/support/chain.c.o $(B)/libledger.a $(MSP)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
$(eval $(call archive,client,network/client))
$(eval $(call archive,blob,network/blob))
$(eval $(call archive,fhir,network/fhir))
$(eval $(call archive,custodian,network/custodian))
$(eval $(call archive,notify,network/notify))
$(eval $(call archive,package,network/package))
$(eval $(call archive,deploy,network/deploy))
$(eval $(call archive,native,network/native))
$(eval $(call archive,cli,network/cli))
# the files of `medsync new`
TEMPLATES := $(filter-out %.awk,$(wildcard network/cli/templates/*))
$(B)/gen/templates.inc: network/cli/templates/embed.awk $(TEMPLATES)
	@mkdir -p $(@D)
	$(Q)awk -f network/cli/templates/embed.awk $(TEMPLATES) >$@
$(B)/obj/network/cli/new.c.o: $(B)/gen/templates.inc
CLIENT = $(B)/libclient.a $(B)/libmsp.a $(B)/libconfig.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a
UNIT_network/client := $(CLIENT)
# Our own client in the part of somebody else's programs
CLIENT_PROGRAMS = $(B)/test-support/update_channel $(B)/test-support/offline_client
TEST_PROGRAMS += $(CLIENT_PROGRAMS)
$(CLIENT_PROGRAMS): $(B)/test-support/%: $(B)/obj/test/support/%.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
UNIT_network/blob := $(B)/libblob.a $(B)/libprotos.a $(B)/libbase.a
UNIT_network/blob/test_store = $(DISK) $(UNIT_network/blob)
UNIT_network/fhir := $(B)/libfhir.a $(B)/libblob.a $(MSP)
UNIT_network/package := $(B)/libpackage.a $(B)/libbase.a
UNIT_network/notify = $(DISK) $(B)/libnotify.a $(CLIENT)
UNIT_network/deploy := $(B)/libdeploy.a $(B)/libpackage.a $(CLIENT)
UNIT_network/cli := $(B)/libcli.a $(B)/libpackage.a $(B)/libfhir.a $(B)/libcustodian.a $(B)/libblob.a $(CLIENT)
TEST_PROGRAMS += $(B)/test-support/hook
$(B)/test-support/hook: $(B)/obj/test/support/hook.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(MHD_LIBS)
TEST_PROGRAMS += $(B)/test-support/odd_identity
$(B)/test-support/odd_identity: $(B)/obj/test/support/odd_identity.c.o $(MSP)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
TEST_PROGRAMS += $(B)/test-support/write_certs
$(B)/test-support/write_certs: $(B)/obj/test/support/write_certs.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CRYPTO_LIBS)
TEST_PROGRAMS += $(B)/test-support/tls_server
$(B)/test-support/tls_server: $(B)/obj/test/support/tls_server.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS)
PROGRAMS += medsync
medsync_OBJS = $(B)/libcli.a $(B)/libcerts.a $(B)/libnotify.a $(B)/libaudit.a $(B)/libnative.a $(B)/libdeploy.a $(B)/libdevnet.a $(B)/libpeer.a \
  $(B)/libscc.a $(B)/libledger.a $(B)/libpackage.a $(B)/libfhir.a $(B)/libcustodian.a $(B)/libblob.a $(CLIENT)
medsync_LIBS = $(GRPC_LIBS) $(PB_LIBS) $(LMDB_LIBS) $(YAML_LIBS) $(JSON_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)
# Unit tests of chaincodes on the real ledger: the one archive that knows the shim and the network
$(eval $(call archive,fcctest,network/testing))
FCCTEST = $(B)/libfcctest.a $(B)/libcore.a $(B)/libexec.a $(B)/libidentity.a $(B)/libpeer.a $(SCC)
UNIT_network/testing = $(FCCTEST)
# libfcc-test.a: for authors, as libfcc.a is
$(B)/fcc-test.o: $(FCCTEST)
	$(call say,LD,$@)
	$(Q)$(LD) -r --whole-archive $(FCCTEST) -o $@ && objcopy --localize-hidden $@
$(B)/libfcc-test.a: $(B)/fcc-test.o
ARCHIVES += $(B)/libfcc-test.a
# docs/testing-chaincode.md is a program: its pieces of C, one after the other
$(B)/gen/testing_chaincode.inc: docs/testing-chaincode.md
	@mkdir -p $(@D)
	$(Q)awk '/^```c$$/ { on = 1; next } /^```$$/ { on = 0 } on' $< >$@
$(B)/obj/test/unit/network/testing/test_guide.c.o: $(B)/gen/testing_chaincode.inc
TEST_PROGRAMS += $(B)/test-support/ask_custodian
$(B)/test-support/ask_custodian: $(B)/obj/test/support/ask_custodian.c.o $(B)/libcustodian.a $(B)/libblob.a $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
