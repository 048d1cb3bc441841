#include "reader.h"
#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](const std::string& text) {
    const inseq::text::Json messages = {{{"role", "system"}, {"content", "Be brief."}},
                                        {{"role", "user"}, {"content", "Hello?"}}};
    const inseq::text::Json variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    inseq::text::ChatTemplates(text).render(messages, true, variables, {});
  });
}
