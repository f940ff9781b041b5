# kill -9 at random moments, --resume auto, twenty times: the last checkpoint, the log, samples and plots equal those of
# an uninterrupted run, byte for byte, with one thread and with two. See tests/kill.sh.
foreach(threads 1 2)
  execute_process(COMMAND sh ${SOURCE}/tests/kill.sh ${BINARY} ${SOURCE}/models/wgan_poly.yaml ${BUILD}/kill-${threads} ${threads}
                  RESULT_VARIABLE got)
  if(NOT got EQUAL 0)
    message(FATAL_ERROR "killed and resumed runs differ with ${threads} thread(s), or nothing was killed")
  endif()
endforeach()
