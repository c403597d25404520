#include <math.h>

#include "geo/geo.h"

static double radians(double degrees)
{
	return degrees * (3.14159265358979323846 / 180);
}

double geo_distance_km(double lat1, double lon1, double lat2, double lon2)
{
	const double radius_km = 6371.0088; /* the mean of the Earth's three axes (IUGG) */
	double north = sin(radians(lat2 - lat1) / 2), east = sin(radians(lon2 - lon1) / 2);
	double half_chord2 = north * north + cos(radians(lat1)) * cos(radians(lat2)) * east * east;

	/* antipodes can come out a hair over 1 */
	return 2 * radius_km * asin(sqrt(fmin(half_chord2, 1)));
}
