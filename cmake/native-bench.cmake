# The memory tier beside a plain LRU, for `npm run bench`. Not built with the tests.
add_executable(memory-tier-bench EXCLUDE_FROM_ALL ${BENCH_SOURCES})
target_link_libraries(memory-tier-bench PRIVATE core)
warnings_are_errors(memory-tier-bench)
