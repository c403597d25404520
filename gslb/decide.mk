# The decision core, which the daemon, the tests and gslbctl's daemon side share.
noinst_LIBRARIES += libdecide.a
libdecide_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) $(JANSSON_CFLAGS)
libdecide_a_SOURCES = \
	gslb/audience.c gslb/audience.h gslb/audience_text.c \
	gslb/audit.c gslb/audit.h \
	gslb/capacity.c gslb/capacity.h gslb/capacity_inner.h \
	gslb/capacity_demand.c gslb/capacity_keep.c gslb/capacity_lean.c gslb/capacity_lists.c gslb/capacity_report.c \
	gslb/closely.c gslb/closely.h \
	gslb/decide.c gslb/decide.h \
	gslb/demand.c gslb/demand.h \
	gslb/drain.c gslb/drain.h gslb/drain_marks.c gslb/drain_status.c \
	gslb/explain.c gslb/explain.h gslb/fleet_document.c gslb/fleet_document.h \
	gslb/explore.c gslb/explore.h \
	gslb/forecast.c gslb/forecast.h \
	gslb/glance.c gslb/glance.h \
	gslb/kin.c gslb/kin.h \
	gslb/needs.c gslb/needs.h \
	gslb/ledger.c gslb/ledger.h \
	gslb/latency_import.c gslb/latency_import.h \
	gslb/latency_peers.c gslb/latency_peers.h \
	gslb/latency_show.c \
	gslb/learned.c gslb/learned.h \
	gslb/load.c gslb/load.h \
	gslb/meter.c gslb/meter.h gslb/meter_moved.c \
	gslb/openings.c gslb/openings.h \
	gslb/order.c gslb/order.h \
	gslb/overlay.c \
	gslb/override.c gslb/override.h gslb/override_list.c gslb/override_list.h gslb/override_merge.c \
	gslb/parts.c gslb/parts.h \
	gslb/pick.c gslb/pick.h \
	gslb/pool_pick.c gslb/pool_pick.h \
	gslb/recent.c gslb/recent.h \
	gslb/plan.c gslb/plan.h gslb/plan_cost.c gslb/plan_cost.h gslb/plan_edits.c gslb/plan_json.c gslb/plan_moved.c \
	gslb/plan_replay.c gslb/plan_replay.h gslb/plan_roll.c gslb/plan_roll.h \
	gslb/rank.h \
	gslb/rank_geo.c gslb/rank_latency.c gslb/rank_order.c gslb/rank_weight.c gslb/rank_load.c \
	gslb/rules.c gslb/rules.h \
	gslb/snapshot.c gslb/snapshot.h \
	gslb/spill.c gslb/spill.h gslb/spill_split.c \
	gslb/split.c gslb/split.h \
	gslb/standing.c gslb/standing.h \
	gslb/strength.c gslb/strength.h \
	gslb/steering.c gslb/steering.h \
	gslb/target.c gslb/target.h gslb/target_match.c \
	gslb/terms.c gslb/terms.h \
	gslb/trace.c gslb/trace.h \
	gslb/ttl.c gslb/ttl.h
