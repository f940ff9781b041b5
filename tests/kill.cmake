# kill -9 at random moments, --resume auto, twenty times: the last checkpoint, the log, samples and plots equal those of
# an uninterrupted run, byte for byte, with one thread and with two. See tests/kill.sh.
set(often --preset tiny --steps 300 --set "schedule.checkpoint={every: 1, keep: 3}"
    --set outputs.samples.every=40 --set metrics.distance.every=60)
foreach(threads 1 2)
  execute_process(COMMAND sh ${SOURCE}/tests/kill.sh ${BINARY} ${SOURCE}/models/wgan_poly.yaml ${BUILD}/kill-${threads} ${threads}
                          ${often} RESULT_VARIABLE got)
  if(NOT got EQUAL 0)
    message(FATAL_ERROR "killed and resumed runs differ with ${threads} thread(s), or nothing was killed")
  endif()
endforeach()

# The same of a run in stages, with loading and freezing.
execute_process(COMMAND sh ${SOURCE}/tests/kill.sh ${BINARY} ${SOURCE}/tests/kill_stages.yaml ${BUILD}/kill-stages 1
                RESULT_VARIABLE got)
if(NOT got EQUAL 0)
  message(FATAL_ERROR "killed and resumed runs in stages differ, or nothing was killed")
endif()
