#ifndef CLINUX_FILE_H
#define CLINUX_FILE_H

// Files and block devices.

#endif
