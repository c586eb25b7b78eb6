# Each fuzzer is a program of its own, as libFuzzer wants it.
add_library(fuzzing OBJECT tests/fuzz/fuzzer.cpp tests/native/utf8.cpp)
target_include_directories(fuzzing PUBLIC ${PROJECT_SOURCE_DIR})
warnings_are_errors(fuzzing)

foreach(name IN LISTS FUZZERS)
  if(NOT IS_DIRECTORY ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    message(FATAL_ERROR "the fuzzer ${name} has no inputs to start from in tests/fuzz/corpus/${name}, and would not be run")
  endif()
  add_executable(${name}-fuzzer tests/fuzz/${name}-fuzzer.cpp)
  target_link_libraries(${name}-fuzzer PRIVATE core fuzzing)
  target_link_options(${name}-fuzzer PRIVATE -fsanitize=fuzzer)
  warnings_are_errors(${name}-fuzzer)
endforeach()
