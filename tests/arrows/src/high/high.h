#include "low/low.h"  // through middle
#include "local.h"
