# codex-core.wasm, which ships, and codex-core.d.ts, from the core and its bindings.
set(MODULE_COMPILE_OPTIONS
  -flto
  -mtail-call  # symmetric transfer between coroutines in constant stack
  -fno-c++-static-destructors  # an instance does not end, it is forgotten
)

# For size. A call is kept where the function called has other callers, even if it is as short as the call: calls resemble each
# other, which is what compresses.
set(SMALL_COMPILE_OPTIONS -Oz -mllvm -inline-threshold=-20)

# Without -flto, which the linker does not need to optimise our own objects together, and with which it would take the system
# libraries as bitcode, and with these timers and process exit that nobody calls.
set(MODULE_LINK_OPTIONS
  -Oz
  -Wl,-mllvm,-inline-threshold=-20  # see above
  -sBINARYEN_EXTRA_PASSES=-Oz  # once more, since the first round leaves something
  -fno-exceptions  # these two choose the system libraries
  -fno-rtti
  -mtail-call
  -lembind
  -sMODULARIZE
  -sEXPORT_ES6
  -sENVIRONMENT=web
  -sDYNAMIC_EXECUTION=0  # Workers forbid eval and new Function
  -sFILESYSTEM=0
  -sASSERTIONS=0
  -sSUPPORT_LONGJMP=0
  -sMALLOC=emmalloc
  -sSTACK_SIZE=64KB
  -sINITIAL_MEMORY=2MB
  -sALLOW_MEMORY_GROWTH
  -sMAXIMUM_MEMORY=64MB
)

# Emscripten makes JavaScript around it that nobody uses: bindings/codex-core.js stands in its place. So it is the smallest, and must
# not give short names to what is exported, which libexports.js keeps it from.
set(MODULE_RUNTIME_OPTIONS
  -sMINIMAL_RUNTIME
  -sEXPORTED_FUNCTIONS=_functions
  -sEXPORTED_RUNTIME_METHODS=wasmMemory,wasmTable
  -lexports.js
)

target_compile_options(core PRIVATE ${MODULE_COMPILE_OPTIONS})
# Everything is made small but what every decision in memory runs through, and of that the arithmetic least.
set(FAST_SOURCES wasm/ratelimit/algorithms.cpp)
set(DECIDING_SOURCES
  bindings/isolate.cpp
  bindings/numbers.cpp
  bindings/rate-limit-exports.cpp
  bindings/reply.cpp
  wasm/ratelimit/attempts.cpp
  wasm/ratelimit/fixed-window.cpp
  wasm/ratelimit/gcra.cpp
  wasm/ratelimit/limit-counter.cpp
  wasm/ratelimit/limit-decision.cpp
  wasm/ratelimit/limit-table.cpp
  wasm/ratelimit/sliding-window.cpp
)
# And where what is called is best put into its callers, by weight.
set(INLINED_SOURCES
  bindings/further-keys.cpp
  bindings/instance-exports.cpp
  bindings/mailbox.cpp
  bindings/text-buffer.cpp
  wasm/cache/entry.cpp
  wasm/kv/key.cpp
  wasm/kv/sha256.cpp
  wasm/memory/linked-table.cpp
  wasm/memory/siphash.cpp
  wasm/memory/write-governor.cpp
  wasm/ratelimit/rate-limit-rule.cpp
)
set(SMALL_SOURCES ${CORE_SOURCES} ${BINDINGS_SOURCES} ${SHIPPED_SOURCES} ${DECLARED_SOURCES})
list(REMOVE_ITEM SMALL_SOURCES ${FAST_SOURCES} ${DECIDING_SOURCES} ${INLINED_SOURCES})
set_source_files_properties(${SMALL_SOURCES} PROPERTIES COMPILE_OPTIONS "${SMALL_COMPILE_OPTIONS}")
set_source_files_properties(${DECIDING_SOURCES} ${INLINED_SOURCES} PROPERTIES COMPILE_OPTIONS -Oz)
set_source_files_properties(${FAST_SOURCES} PROPERTIES COMPILE_OPTIONS -O3)

add_library(bindings OBJECT ${BINDINGS_SOURCES})
target_link_libraries(bindings PUBLIC core)
target_compile_options(bindings PRIVATE ${MODULE_COMPILE_OPTIONS})
target_compile_definitions(bindings PUBLIC EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
warnings_are_errors(bindings)

add_executable(codex-core ${SHIPPED_SOURCES})
target_link_libraries(codex-core PRIVATE bindings)
target_compile_options(codex-core PRIVATE ${MODULE_COMPILE_OPTIONS})
target_link_options(codex-core PRIVATE ${MODULE_LINK_OPTIONS} ${MODULE_RUNTIME_OPTIONS})
set_target_properties(codex-core PROPERTIES SUFFIX .js)
warnings_are_errors(codex-core)

# The same with the types and enumerations, linked for its declarations alone.
add_executable(codex-core-declarations ${DECLARED_SOURCES})
target_link_libraries(codex-core-declarations PRIVATE bindings)
target_compile_options(codex-core-declarations PRIVATE ${MODULE_COMPILE_OPTIONS})
target_link_options(codex-core-declarations PRIVATE ${MODULE_LINK_OPTIONS} -O1 --emit-tsd codex-core.d.ts)
set_target_properties(codex-core-declarations PROPERTIES SUFFIX .js)
warnings_are_errors(codex-core-declarations)
