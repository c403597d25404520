dist_man_MANS += man/gslbd.8 man/gslbctl.8 man/gslb-health.8 man/gslb-relay.8 man/gslb.drill.5 man/gslb.yaml.5 man/gslb.zone.5 man/gslb.http.7 man/gslb.bus.7
