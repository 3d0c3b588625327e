# sardonyx_embed(ROOM FUNCTION FILE...)
#
# Compiles text files into the library of a room: `std::span<const sardonyx::EmbeddedFile> sardonyx::FUNCTION()` of
# base/embedded.h gives their names (without folder and suffix) and contents. Run as a script (-P) by the build, this
# file is also what writes the source.
if(CMAKE_SCRIPT_MODE_FILE)
  set(entries "")
  foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME_WLE)
    file(READ "${file}" text)
    string(APPEND entries "    {\"${name}\", R\"EMBEDDED(${text})EMBEDDED\"},\n")
  endforeach()
  file(WRITE "${OUTPUT}"
"// Made by cmake/embed.cmake.
#include \"base/embedded.h\"

namespace sardonyx {
namespace {
constexpr EmbeddedFile kFiles[] = {
${entries}};
}  // namespace

std::span<const EmbeddedFile> ${FUNCTION}() { return kFiles; }

}  // namespace sardonyx
")
  return()
endif()

set(SARDONYX_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(sardonyx_embed room function)
  set(files ${ARGN})
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/)
  file(GLOB files CONFIGURE_DEPENDS ${files})
  list(SORT files)
  set(output ${PROJECT_BINARY_DIR}/embedded/${function}.cc)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DFUNCTION=${function} -DOUTPUT=${output} -P ${SARDONYX_EMBED_SCRIPT}
    DEPENDS ${files} ${SARDONYX_EMBED_SCRIPT} COMMENT "Embedding ${function}" VERBATIM)
  target_sources(sardonyx_${room} PRIVATE ${output})
endfunction()
