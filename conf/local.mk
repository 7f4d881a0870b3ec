# conf: the default configuration tree; never overwrites one that is there
EXTRA_DIST += conf/default/ecelerity.conf

# one commented sample for each module, beside the manual
samplesdir = $(docdir)/samples
dist_samples_DATA = %D%/samples/bounce_classifier.conf %D%/samples/bounce_logger.conf %D%/samples/custom_logger.conf \
  %D%/samples/ec_logger.conf %D%/samples/json_logger.conf

install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(confdir)/global" "$(DESTDIR)$(confdir)/default"
	test -f "$(DESTDIR)$(confdir)/default/ecelerity.conf" || \
	  $(INSTALL_DATA) $(srcdir)/conf/default/ecelerity.conf "$(DESTDIR)$(confdir)/default/ecelerity.conf"

# what the operator changed stays; what is still ours goes
uninstall-hook:
	-cmp -s $(srcdir)/conf/default/ecelerity.conf "$(DESTDIR)$(confdir)/default/ecelerity.conf" && \
	  rm -f "$(DESTDIR)$(confdir)/default/ecelerity.conf"
	-rmdir "$(DESTDIR)$(confdir)/global" "$(DESTDIR)$(confdir)/default" "$(DESTDIR)$(confdir)" 2>/dev/null
