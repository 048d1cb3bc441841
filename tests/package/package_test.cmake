# Installs the build, checks what was installed, builds examples/ against it and runs the result.
cmake_minimum_required(VERSION 3.22)
set(prefix ${WORK_DIR}/prefix)
file(REMOVE_RECURSE ${WORK_DIR})

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${text}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})

# Every public header and nothing else of ours.
file(GLOB_RECURSE public RELATIVE ${SOURCE_DIR}/include ${SOURCE_DIR}/include/*.h)
file(GLOB_RECURSE installed RELATIVE ${prefix}/include ${prefix}/include/*)
if(NOT public OR NOT public STREQUAL installed)
  message(FATAL_ERROR "public headers: ${public}\ninstalled headers: ${installed}")
endif()
# The installed program finds its libraries away from the build tree.
run(${prefix}/bin/inseq --version)

run(${CMAKE_COMMAND} -S ${SOURCE_DIR}/examples -B ${WORK_DIR}/build -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)

# A model that is not there: the example shows the library's message and fails.
execute_process(COMMAND ${WORK_DIR}/build/explain ${WORK_DIR}/no-such-model
                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE error)
if(NOT status EQUAL 1 OR NOT error MATCHES "no-such-model")
  message(FATAL_ERROR "explain with a missing model ended with ${status}, needed 1, and said:\n${out}${error}")
endif()

# The default model, where ./dev setup has put it: its answer gets a line.
set(cache "$ENV{XDG_CACHE_HOME}")
if(NOT cache)
  set(cache "$ENV{HOME}/.cache")
endif()
set(model ${cache}/inseq/models/SmolLM2-135M-Instruct.Q4_1.gguf)
if(EXISTS ${model})
  execute_process(COMMAND ${WORK_DIR}/build/explain ${model}
                  RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE error)
  if(NOT status EQUAL 0 OR NOT out MATCHES "Paris +<-  ")
    message(FATAL_ERROR "explain ended with ${status}, needed 0 and a line for the token Paris:\n${out}${error}")
  endif()
else()
  message(STATUS "the default model is not in the cache: explain was tried without one only")
endif()
