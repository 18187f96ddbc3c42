# Test programs that scripts run: the replay of recordings.
$(eval $(call archive,conformance,test/conformance))
$(B)/conformance/replay: $(B)/libconformance.a $(RPC) $(B)/libprotos.a $(B)/libbase.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libconformance.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(GRPC_LIBS) $(PB_LIBS) $(CRYPTO_LIBS)
unit-tests: $(B)/conformance/replay

# ... and of recorded service calls, against a devnet
$(eval $(call archive,services,test/conformance/services))
$(B)/conformance/services: $(B)/libservices.a $(LEDGER) $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libservices.a $(LEDGER) $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(ALL_LIBS)
unit-tests: $(B)/conformance/services
$(B)/conformance/ask: $(B)/obj/test/conformance/gateway/ask.c.o $(B)/libservices.a $(LEDGER) $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(B)/libservices.a $(LEDGER) $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(ALL_LIBS)
unit-tests: $(B)/conformance/ask
$(B)/conformance/cases: $(B)/obj/test/conformance/cases/cases.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
unit-tests: $(B)/conformance/cases
TEST_PROGRAMS += $(B)/test-support/gateway_client
$(B)/test-support/gateway_client: $(B)/obj/test/support/gateway_client.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
TEST_PROGRAMS += $(B)/test-support/discovery_client
$(B)/test-support/discovery_client: $(B)/obj/test/support/discovery_client.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
UNIT_conformance/services = $(B)/libservices.a $(B)/libprotos.a $(B)/libbase.a

# ... and of whatever a test wants to ask
$(B)/test-support/fabric_client: $(B)/obj/test/support/fabric_client.c.o $(B)/libservices.a $(LEDGER) $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(B)/libservices.a $(LEDGER) $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(ALL_LIBS)
TEST_PROGRAMS += $(B)/test-support/fabric_client

# The channels that the chaincodes' tests begin with: the registry, and packs on a shelf, as the functions make them, once for
# all of them.
$(B)/test-support/health_state: $(B)/obj/test/support/health_state.c.o $(B)/libsupply.a $(REGISTRY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
$(B)/gen/health_state.c: $(B)/test-support/health_state chaincode/credentials/collections.json chaincode/supply/collections.json
	@mkdir -p $(@D)
	$(Q)$< $@ || { rm -f $@; exit 1; }

# Who may call what, and whose endorsements suffice, by tables that are written by hand.
MATRIX_PROGRAMS := $(B)/test/matrix/matrix $(B)/test/matrix/endorsable
$(MATRIX_PROGRAMS): $(B)/test/matrix/%: $(B)/obj/test/matrix/%.c.o $(B)/obj/test/matrix/town.c.o $(B)/libappointments.a $(UNIT_chaincode/prescriptions)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
TEST_PROGRAMS += $(MATRIX_PROGRAMS)

# What an identity costs is counted in allocations.
$(B)/test/network/msp/test_identity: LDFLAGS_ALL += -Wl,--wrap=calloc

# A test of failing allocations puts its own functions before these.
$(B)/test/shim/core/test_exhaustion: LDFLAGS_ALL += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=mmap

BENCH_PROGRAMS := load bare_loop busy growth gateway steps cases
# make bench: what a transaction costs, beside the bare protocol loop and whatever BENCH='--addr NAME=HOST:PORT' names.
$(B)/bench/load: $(call objs,test/bench) $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter-out %/bare_loop.c.o %/busy.c.o %/growth.c.o %/gateway.c.o %/steps.c.o %/cases.c.o,$^) $(GRPC_LIBS) $(CRYPTO_LIBS)
$(B)/bench/bare_loop: $(B)/obj/test/bench/bare_loop.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCC_GRPC)
$(B)/bench/busy: $(B)/obj/test/bench/busy.c.o $(FCC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FCC_LIBS)
# test/bench/growth.sh: what a ledger's size costs. No part of `make bench`, which takes no minutes to build.
$(B)/bench/growth: $(addprefix $(B)/obj/test/bench/,growth.c.o peer.c.o target.c.o) $(B)/obj/test/support/disk.c.o \
		$(LEDGER) $(RPC) $(B)/bin/probe
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter-out %/probe,$^) $(ALL_LIBS)
# test/bench/gateway.sh: evaluations and transactions at a devnet's gateway
$(B)/bench/gateway: $(B)/obj/test/bench/gateway.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
# test/bench/steps.sh: what people wait for in daily care
$(B)/bench/steps: $(B)/obj/test/bench/steps.c.o $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
# test/bench/cases.sh: what a case of a chaincode's unit tests costs
$(B)/bench/cases: $(B)/obj/test/bench/cases.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^
# `make test` runs none of them and builds them all, so that they keep up with what they measure.
TEST_PROGRAMS += $(BENCH_PROGRAMS:%=$(B)/bench/%)
.PHONY: bench
bench: all $(B)/bench/load $(B)/bench/bare_loop $(B)/bench/busy $(B)/test/shim/io/test_large
	$(Q)BUILD=$(B) test/bench/chaincode.sh $(BENCH)

# make fuzz: looks for bytes that break a target (FUZZ_SECONDS each); what is found, and the growing corpora, are below
# build/fuzz. In `make test` the targets take their committed corpora.
FUZZ_TARGETS := unpack session keys attributes vc cid dagpb epcis
FUZZ_SECONDS ?= 60
FUZZ_ARCHIVES := $(B)/libsupply.a $(B)/libcclib.a $(B)/libblob.a $(B)/libcore.a $(B)/libexec.a $(B)/libidentity.a $(B)/libprotos.a $(B)/libbase.a
FUZZ_LIBS = $(PB_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS) $(Z_LIBS)
$(FUZZ_TARGETS:%=$(B)/test/fuzz/%): $(B)/test/fuzz/%: $(B)/obj/test/fuzz/replay.c.o $(B)/obj/test/fuzz/%.c.o $(FUZZ_ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(FUZZ_LIBS)
TEST_PROGRAMS += $(FUZZ_TARGETS:%=$(B)/test/fuzz/%)

$(FUZZ_TARGETS:%=$(B)/fuzz/%): $(B)/fuzz/%: $(B)/obj/test/fuzz/%.c.o $(FUZZ_ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(FUZZ_LIBS)
.PHONY: fuzz fuzz-run
fuzz:
	$(Q)command -v clang >/dev/null || { echo "make fuzz needs clang (package clang)"; exit 1; }
	$(Q)echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p == 0 && n; }' | \
	  clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null || \
	  { echo "make fuzz needs clang's runtime libraries (package libclang-rt-14-dev)"; exit 1; }
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-run \
	  OPT_fuzz="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
fuzz-run: $(FUZZ_TARGETS:%=$(B)/fuzz/%)
	$(Q)for t in $(FUZZ_TARGETS); do \
	  mkdir -p $(B)/fuzz/corpus/$$t; \
	  echo "== $$t, $(FUZZ_SECONDS) s"; \
	  $(B)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=$(B)/fuzz/$$t- $(B)/fuzz/corpus/$$t test/fuzz/corpus/$$t || exit 1; \
	done

# Random histories of each chaincode, with the domain's invariants looked at after each block: 10,000 calls in `make
# test`, always the same ones; 100,000 in `make soak`, from MEDSYNC_SEED or a fresh seed. A history that breaks one is
# shrunk and saved below $(B)/property.
PROPERTY := consent credentials ehr prescriptions supply appointments
PROPERTY_FRAME := $(patsubst %,$(B)/obj/test/property/%.c.o,main run)
PROPERTY_PROGRAMS := $(PROPERTY:%=$(B)/test/property/%)
PROPERTY_consent = $(B)/obj/test/property/care.c.o $(UNIT_chaincode/consent)
PROPERTY_credentials = $(UNIT_chaincode/credentials)
PROPERTY_ehr = $(B)/obj/test/property/care.c.o $(UNIT_chaincode/ehr)
PROPERTY_prescriptions = $(B)/obj/test/property/care.c.o $(UNIT_chaincode/prescriptions)
PROPERTY_appointments = $(B)/obj/test/property/care.c.o $(UNIT_chaincode/appointments)
PROPERTY_supply = $(UNIT_chaincode/supply)
$(foreach p,$(PROPERTY),$(eval $(B)/test/property/$(p): $(PROPERTY_FRAME) $(B)/obj/test/property/$(p).c.o $(PROPERTY_$(p))))
$(PROPERTY_PROGRAMS):
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
TEST_PROGRAMS += $(PROPERTY_PROGRAMS)
SOAK_CALLS ?= 100000
.PHONY: soak
soak: all $(PROPERTY_PROGRAMS)
	$(Q)export MEDSYNC_SEED="$${MEDSYNC_SEED:-$$(date +%s)}"; \
	for p in $(PROPERTY_PROGRAMS); do BUILD=$(B) $$p --calls $(SOAK_CALLS) || exit 1; done

# The whole way of a medical record, on any network: test/scenario
$(eval $(call archive,scenario,test/scenario))
$(B)/test-support/alter: $(B)/obj/test/support/alter.c.o $(LEDGER)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
TEST_PROGRAMS += $(B)/test-support/alter
TEST_PROGRAMS += $(B)/test-support/scenario
$(B)/test-support/scenario: $(B)/libscenario.a $(B)/libfhir.a $(B)/libcustodian.a $(B)/libblob.a $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
$(eval $(call archive,scan,test/scenario/scan))
TEST_PROGRAMS += $(B)/test-support/scan
$(B)/test-support/scan: $(B)/libscan.a $(B)/libaudit.a $(B)/libledger.a $(B)/libfhir.a $(B)/libblob.a $(CLIENT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LIBS)
