#include <math.h>

#include "geo/geo.h"

static const double radius_km = 6371.0088; /* the mean of the Earth's three axes (IUGG) */

static const double pi = 3.14159265358979323846;

static double radians(double degrees)
{
	return degrees * (pi / 180);
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

/* 2 asin(sqrt(x)) for x from 0 to 1/2, by the rational approximation of fdlibm's e_asin.c (Sun Microsystems, 1993), which is made
 * for x up to 1/4 and off by 1e-8 at 1/2: all places times all pools of a list are many calls of libm. */
static double arc(double x)
{
	double p = x * (1.66666666666666657415e-01 +
			       x * (-3.25565818622400915405e-01 +
					   x * (2.01212532134862925881e-01 +
						       x * (-4.00555345006794114027e-02 +
								   x * (7.91534994289814532176e-04 +
									       x * 3.47933107596021167570e-05)))));
	double q = 1 + x * (-2.40339491173441421878e+00 +
				   x * (2.02094576023350569471e+00 +
					       x * (-6.88283971605453293030e-01 + x * 7.70381505559019352791e-02)));
	double root = sqrt(x);

	return 2 * (root + root * (p / q));
}

double geo_spots_km(const struct geo_spot *a, const struct geo_spot *b)
{
	double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
	double half_chord2 = (x * x + y * y + z * z) / 4;

	if (half_chord2 <= 0.5)
		return radius_km * arc(half_chord2);
	return radius_km * (pi - arc(half_chord2 < 1 ? 1 - half_chord2 : 0));
}
