/* once - one probe from the command line: what an operator runs to see what gslb-health sees. */
#ifndef GSLB_HEALTH_ONCE_H
#define GSLB_HEALTH_ONCE_H

/* CHECK ADDRESS PORT [key=value…]. Prints the result. Exit status: 0 up, 1 not, 2 usage. */
int once_run(int argc, char **argv);

/* The keys it takes, one a line, for --help. */
void once_print_keys(void);

#endif
