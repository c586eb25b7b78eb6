# The same warnings in every preset, and each is an error.
function(warnings_are_errors target)
  target_compile_options(${target} PRIVATE
    -Werror
    -Wall
    -Wextra
    -Wpedantic
    -Wconversion
    -Wsign-conversion
    -Wdouble-promotion
    -Wshadow
    -Wold-style-cast
    -Wnon-virtual-dtor
    -Woverloaded-virtual
    -Wmissing-declarations
    -Wimplicit-fallthrough
    -Wformat=2
  )
endfunction()
