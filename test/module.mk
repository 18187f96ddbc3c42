# Test programs that scripts run: the replay of recordings.
$(eval $(call archive,conformance,test/conformance))
$(B)/conformance/replay: $(B)/libconformance.a $(RPC) $(B)/libprotos.a $(B)/libbase.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libconformance.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(GRPC_LIBS) $(PB_LIBS) $(CRYPTO_LIBS)
unit-tests: $(B)/conformance/replay

# A test of failing allocations puts its own functions before these.
$(B)/test/shim/core/test_exhaustion: LDFLAGS_ALL += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=mmap

# make bench: what a transaction costs, beside the bare protocol loop and whatever BENCH='--addr NAME=HOST:PORT' names.
$(B)/bench/load: $(call objs,test/bench) $(RPC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter-out %/bare_loop.c.o,$^) $(GRPC_LIBS) $(CRYPTO_LIBS)
$(B)/bench/bare_loop: $(B)/obj/test/bench/bare_loop.c.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(GRPC_LIBS)
.PHONY: bench
bench: all $(B)/bench/load $(B)/bench/bare_loop
	$(Q)BUILD=$(B) test/bench/chaincode.sh $(BENCH)
