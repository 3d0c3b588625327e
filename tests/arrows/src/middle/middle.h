#include "low/low.h"
#include "sardonyx/api.h"
#include "fmt/format.h"
