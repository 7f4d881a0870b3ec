# conf: the default configuration tree; never overwrites one that is there
EXTRA_DIST += conf/default/ecelerity.conf conf/default/eccluster.conf

# one commented sample for each module, beside the manual
samplesdir = $(docdir)/samples
dist_samples_DATA = %D%/samples/bounce_classifier.conf %D%/samples/bounce_logger.conf %D%/samples/cluster.conf %D%/samples/custom_logger.conf \
  %D%/samples/ec_logger.conf %D%/samples/inbound_audit.conf %D%/samples/json_logger.conf

install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(confdir)/global" "$(DESTDIR)$(confdir)/default"
	for file in ecelerity.conf eccluster.conf; do \
	  test -f "$(DESTDIR)$(confdir)/default/$$file" || \
	    $(INSTALL_DATA) "$(srcdir)/conf/default/$$file" "$(DESTDIR)$(confdir)/default/$$file" || exit 1; \
	done

# what the operator changed stays; what is still ours goes
uninstall-hook:
	-for file in ecelerity.conf eccluster.conf; do \
	  cmp -s "$(srcdir)/conf/default/$$file" "$(DESTDIR)$(confdir)/default/$$file" && \
	    rm -f "$(DESTDIR)$(confdir)/default/$$file"; \
	done
	rm -f "$(DESTDIR)$(bindir)/eccmgr_ctl"
	-rmdir "$(DESTDIR)$(confdir)/global" "$(DESTDIR)$(confdir)/default" "$(DESTDIR)$(confdir)" 2>/dev/null
