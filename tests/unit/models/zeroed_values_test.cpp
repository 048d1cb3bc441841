// Zeroed value vectors of encoder–decoder models move their layers as in transformers: see
// make_zeroed.py.
#include <gtest/gtest.h>

#include "unit/models/model_folder.h"

namespace inseq::models {
namespace {

class ZeroedValues : public testing::TestWithParam<std::string> {};

TEST_P(ZeroedValues, MoveLayersAsInTransformers) {
  const ModelFolder folder(GetParam());
  folder.write();
  const auto model = folder.load({at::kDouble, at::kCPU});
  const Sides embeddings = model->embed({folder.ids("source"), folder.ids("target")});
  const auto expected =
      io::open_safetensors(data_path("data/" + GetParam() + ".zeroed.safetensors"));
  const int64_t first = 2;  // the target rows before are not wanted
  for (const int64_t rows_at_once : {1, 7, 1000}) {
    std::map<Mixing, Tensor> found;  // [layers, zeroed tokens, rows]
    for (const auto& [where, name] : std::map<Mixing, std::string>{{Mixing::kDecoder, "decoder"},
                                                                   {Mixing::kCross, "cross"},
                                                                   {Mixing::kEncoder, "encoder"}})
      found[where] = at::zeros_like(read_tensor(*expected, name));
    model->zero_values(
        embeddings, {.heads = [](Mixing, int64_t, int64_t) { return at::tensor({1}, at::kLong); },
                     .first_row = first,
                     .rows_at_once = rows_at_once,
                     .visit =
                         [&](const ZeroedStates& states) {
                           const Tensor moved = (states.changed - states.clean).norm(2, {-1});
                           found.at(states.where)[states.layer]
                               .narrow(0, states.token, moved.size(0))
                               .narrow(1, states.row, moved.size(1))
                               .copy_(moved);
                         }});
    const auto expect = [&](Mixing where, const char* name, int64_t from) {
      const Tensor right = read_tensor(*expected, name);
      const Tensor difference = (found.at(where) - right).narrow(2, from, right.size(2) - from);
      EXPECT_LE((difference.abs().max() / right.abs().max()).item<double>(), 1e-5) << name;
    };
    expect(Mixing::kDecoder, "decoder", first);
    expect(Mixing::kCross, "cross", first);
    expect(Mixing::kEncoder, "encoder", 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ZeroedValues,
                         testing::Values("marian", "mbart", "m2m_100", "t5", "t5_v1_1"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::models
