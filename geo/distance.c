#include <math.h>

#include "geo/geo.h"

static const double radius_km = 6371.0088; /* the mean of the Earth's three axes (IUGG) */

static double radians(double degrees)
{
	return degrees * (3.14159265358979323846 / 180);
}

double geo_distance_km(double lat1, double lon1, double lat2, double lon2)
{
	double north = sin(radians(lat2 - lat1) / 2), east = sin(radians(lon2 - lon1) / 2);
	double half_chord2 = north * north + cos(radians(lat1)) * cos(radians(lat2)) * east * east;

	/* antipodes can come out a hair over 1 */
	return 2 * radius_km * asin(sqrt(fmin(half_chord2, 1)));
}

struct geo_spot geo_spot(double latitude, double longitude)
{
	double lat = radians(latitude), lon = radians(longitude);

	return (struct geo_spot){ cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat) };
}

double geo_spots_km(const struct geo_spot *a, const struct geo_spot *b)
{
	double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;

	return 2 * radius_km * asin(sqrt(fmin((x * x + y * y + z * z) / 4, 1)));
}
