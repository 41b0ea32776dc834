// The same with events to a standard error that is closed at the start: they do not go into the connection
// that gets number 2. (H17, law 6)
// env: OCTOSHIM_LOG=stderr
// stderr: any
#include "closed_std.c"
