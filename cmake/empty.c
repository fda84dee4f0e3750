/* The shared library is made of the archive alone; CMake asks for one source of its own. */
typedef int oddrow_empty;
