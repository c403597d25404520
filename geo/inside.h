/* inside - what a struct geo is made of, for the files of geo/ only. */
#ifndef GSLB_GEO_INSIDE_H
#define GSLB_GEO_INSIDE_H

#include "geo/geo.h"
#include "geo/layer.h"
#include "geo/numbers.h"
#include "geo/places.h"

struct geo_layers {
	struct layer places, asns; /* ids into the two dictionaries */
};

struct geo {
	struct arena *arena; /* the sources' text */
	struct geo_source *sources;
	size_t nsources;
	struct geo_layers v4, v6;
	struct places places;
	struct geo_spot *spots; /* of the places that are located */
	struct numbers asns;
};

#endif
