# Toolchain file of the fuzz preset: the clang that scripts/setup.mjs found or fetched. A fetched one links with the libraries
# beside it, which are newer than the system's, and what it builds is started by their loader.
include("${CMAKE_CURRENT_LIST_DIR}/toolchain-json.cmake")
if(NOT FUZZER_CXX)
  message(FATAL_ERROR "build/toolchain.json names no clang++ with libFuzzer: see `npm run setup`")
endif()
set(CMAKE_CXX_COMPILER "${FUZZER_CXX}")
if(FUZZER_SYSROOT)
  set(CMAKE_SYSROOT "${FUZZER_SYSROOT}")
  cmake_path(GET FUZZER_LOADER PARENT_PATH libraries)
  set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -Wl,--dynamic-linker=${FUZZER_LOADER} -Wl,-rpath,${libraries}")
endif()
