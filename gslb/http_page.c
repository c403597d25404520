#include "gslb/http_page.h"

/* dashboard.h is dashboard.html as a string, a line a line (gslb/http.mk). */
const char http_page[] =
#include "gslb/dashboard.h"
	;
