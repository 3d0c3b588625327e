#include <vector>

#include "high/high.h"
