# What scripts/setup.mjs found or fetched: GOOGLETEST_SOURCE_DIR, NLOHMANN_INCLUDE_DIR and EMSCRIPTEN_ROOT.
set(TOOLCHAIN_JSON "${CMAKE_CURRENT_LIST_DIR}/../build/toolchain.json")
if(NOT EXISTS "${TOOLCHAIN_JSON}")
  message(FATAL_ERROR "build/toolchain.json is missing: run `npm run setup` first")
endif()
file(READ "${TOOLCHAIN_JSON}" toolchain)
string(JSON GOOGLETEST_SOURCE_DIR GET "${toolchain}" googletest)
string(JSON NLOHMANN_INCLUDE_DIR GET "${toolchain}" nlohmann)
string(JSON EMSCRIPTEN_ROOT GET "${toolchain}" emscripten root)
