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
# What tests is not tested here, and takes half a minute to compile when it is watched.
target_compile_options(googletest PRIVATE -O0 -g0 -fno-sanitize=all)

add_library(mailbox STATIC ${MAILBOX_SOURCES})
target_link_libraries(mailbox PUBLIC core)
warnings_are_errors(mailbox)

add_executable(core-tests ${CORE_TEST_SOURCES})
target_link_libraries(core-tests PRIVATE core mailbox googletest)
target_precompile_headers(core-tests PRIVATE <gtest/gtest.h>)
warnings_are_errors(core-tests)
# GCC takes the `if` inside EXPECT_EQ for an ambiguous one, and an empty std::optional for an uninitialised value; the
# sanitizers look for real ones.
target_compile_options(core-tests PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-dangling-else -Wno-maybe-uninitialized>)

# Watched by the sanitizers, what optimises the tests takes longer to compile than it saves when they run. Natively a coroutine that
# ends in the call of another needs -O2 to do so without stack.
target_compile_options(core-tests PRIVATE $<$<CONFIG:Sanitize>:-Og>)

enable_testing()
include(GoogleTest)
gtest_discover_tests(core-tests DISCOVERY_MODE PRE_TEST)
