#define _GNU_SOURCE
#include "file.h"
