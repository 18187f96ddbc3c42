# Test programs that scripts run: the replay of recordings.
$(eval $(call archive,conformance,test/conformance))
$(B)/conformance/replay: $(B)/libconformance.a $(RPC) $(B)/libprotos.a $(B)/libbase.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/libconformance.a $(B)/librpc.a $(B)/libprotos.a $(B)/libbase.a $(GRPC_LIBS) $(PB_LIBS) $(CRYPTO_LIBS)
unit-tests: $(B)/conformance/replay
