#include "tests/fleet/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void say(int errnum, const char *format, ...)
{
	char text[512];
	const char *why = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (errnum != 0)
		why = strerrordesc_np(errnum);
	fprintf(stderr, "fleet: %s%s%s\n", text, why != NULL ? ": " : "",
	        why != NULL ? why : "");
}
