# Examples go beside the documentation; ./quickstart and ./check travel with the source.
examplesdir = $(docdir)/examples
dist_examples_DATA = examples/gslb.yaml examples/gslbd.service examples/gslb-relay.service examples/prometheus-alerts.yaml
drillsexamplesdir = $(examplesdir)/drills
dist_drillsexamples_DATA = examples/drills/evacuate-eu.yaml examples/drills/weekly-drain.yaml
zonesexamplesdir = $(examplesdir)/zones
dist_zonesexamples_DATA = examples/zones/svc.example.zone
fleetexamplesdir = $(examplesdir)/fleet
dist_fleetexamples_DATA = examples/fleet/README.md examples/fleet/hub.conf.in examples/fleet/region.conf.in \
	examples/fleet/gslb.yaml.in examples/fleet/unbound.conf.in examples/fleet/shop.example.zone.in
dist_fleetexamples_SCRIPTS = examples/fleet/certificates examples/fleet/permissions examples/fleet/start examples/fleet/stop
fleetzonesexamplesdir = $(fleetexamplesdir)/zones
dist_fleetzonesexamples_DATA = examples/fleet/zones/svc.example.zone
EXTRA_DIST += quickstart tools/common.sh tools/demo-backend examples/quickstart/svc.example.zone \
	tests/tools/compare-geo.py

# `check` is a file here and a target of make's, so it cannot stand in EXTRA_DIST.
dist-hook:
	cp -p $(top_srcdir)/check $(distdir)/check
