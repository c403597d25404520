#include "health/health.h"

int main(int argc, char **argv)
{
	return health_main(argc, argv);
}
