# GoogleTest from source, compiled without exceptions and RTTI like the core that it tests.
find_package(Threads REQUIRED)
add_library(googletest STATIC
  ${GOOGLETEST_SOURCE_DIR}/googletest/src/gtest-all.cc
  ${GOOGLETEST_SOURCE_DIR}/googletest/src/gtest_main.cc
)
target_include_directories(googletest SYSTEM PUBLIC ${GOOGLETEST_SOURCE_DIR}/googletest/include)
target_include_directories(googletest PRIVATE ${GOOGLETEST_SOURCE_DIR}/googletest)
target_compile_definitions(googletest PUBLIC GTEST_HAS_EXCEPTIONS=0 GTEST_HAS_RTTI=0)
target_link_libraries(googletest PUBLIC Threads::Threads)

add_executable(core-tests ${CORE_TEST_SOURCES})
target_link_libraries(core-tests PRIVATE core googletest)
warnings_are_errors(core-tests)

enable_testing()
include(GoogleTest)
gtest_discover_tests(core-tests DISCOVERY_MODE PRE_TEST)
