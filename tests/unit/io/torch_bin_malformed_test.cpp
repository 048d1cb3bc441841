#include "io/tensor_parsers.h"
#include "unit/io/malformed.h"

namespace inseq::io {
namespace {

using testing::le;
using testing::pickled;
using testing::pickled_dict;
using testing::PickledArgs;
using testing::repeat;
using testing::torch_bytes;
using testing::zip_bytes;

void parse(std::span<const std::byte> bytes) { parse_torch_bin(bytes, "file"); }

/// A file whose pickle has these opcodes after the protocol.
std::string opcodes(const std::string& code) { return torch_bytes("\x80\x02" + code); }

std::string tensor(const PickledArgs& args) { return torch_bytes(pickled_dict(pickled(args))); }

/// A valid file with the bytes at `offset` from its end replaced: the end record is its last 22
/// bytes.
std::string with_end(size_t offset, const std::string& bytes) {
  std::string out = tensor({});
  out.replace(out.size() - offset, bytes.size(), bytes);
  return out;
}

TEST(MalformedTorchBin, ArchivesThatAreDamaged) {
  const std::string pickle = pickled_dict(pickled(PickledArgs{}));
  testing::expect_refused(
      parse,
      {{"empty", "", "is empty"},
       {"LFS pointer", "version https://git-lfs.github.com/spec/v1\n", "only a Git LFS pointer"},
       {"text", "just text", "neither a file of torch.save nor a zip archive"},
       {"legacy", testing::file_bytes(testing::data_path("legacy.bin")),
        "format of torch before 1.6; load it in Python"},
       {"no directory", std::string("PK\3\4") + std::string(100, '\0'),
        "no zip directory at its end; it is cut short"},
       {"directory past the end", with_end(6, le<uint32_t>(1 << 30)),
        "the zip directory should be at byte 1073741824"},
       {"directory too large", with_end(10, le<uint32_t>(1 << 30)),
        "the zip directory at byte 0 needs 1073741824 bytes"},
       {"directory elsewhere", with_end(6, le<uint32_t>(0)), "its zip directory is damaged"},
       {"too many entries", with_end(12, le<uint16_t>(60000)), "claims 60000 entries in"},
       {"compressed", zip_bytes({{.name = "a/data.pkl", .content = pickle, .method = 8}}),
        "entry \"a/data.pkl\" is compressed"},
       {"encrypted", zip_bytes({{.name = "a/data.pkl", .content = pickle, .flags = 1}}),
        "is encrypted"},
       {"entry past the end",
        zip_bytes({{.name = "a/data.pkl", .content = pickle, .claimed_size = 1 << 30}}),
        "claims 1073741824 bytes, but"},
       {"entry of 2^62 bytes",
        zip_bytes({{.name = "a/data.pkl",
                    .content = pickle,
                    .claimed_size = int64_t{1} << 62,
                    .in_64 = true}}),
        "claims 4611686018427387904 bytes"},
       {"other local name",
        zip_bytes({{.name = "a/data.pkl", .content = pickle, .local_name = "b/data.pkl"}}),
        "another name in its own header"},
       {"entry twice", zip_bytes({{.name = "a/x", .content = ""}, {.name = "a/x", .content = ""}}),
        "two entries named \"a/x\""},
       {"bad UTF-8", zip_bytes({{.name = "\xff", .content = ""}}),
        "name in its zip directory is not valid UTF-8"},
       {"no pickle", zip_bytes({{.name = "a/data/0", .content = "1234"}}),
        "a zip archive without a data.pkl"},
       {"empty archive", std::string("PK") + zip_bytes({}), "a zip archive without a data.pkl"},
       {"TorchScript",
        zip_bytes({{.name = "a/data.pkl", .content = pickle},
                   {.name = "a/constants.pkl", .content = ""}}),
        "is a TorchScript program"},
       {"big-endian",
        zip_bytes(
            {{.name = "a/data.pkl", .content = pickle}, {.name = "a/byteorder", .content = "big"}}),
        "the byte order \"big\""}});
}

TEST(MalformedTorchBin, PicklesThatWantMore) {
  testing::expect_refused(
      parse,
      {{"os.system", opcodes(std::string("cos\nsystem\n") + pickled("rm -rf /") + "\x85R."),
        "the pickle wants to call os.system; refusing"},
       {"posix.system on the stack", opcodes(pickled("posix") + pickled("system") + "\x93."),
        "wants to call posix.system; refusing"},
       {"eval", opcodes(std::string("c__builtin__\neval\n(") + pickled("1") + "tR."),
        "wants to call __builtin__.eval; refusing"},
       {"a name in bytes", opcodes("c\xff\n\xfe\n."),
        "wants to call \xEF\xBF\xBD.\xEF\xBF\xBD; refusing"},
       {"complex numbers", tensor({.storage = "ComplexFloatStorage"}),
        "wants to call torch.ComplexFloatStorage; refusing"},
       {"module", testing::file_bytes(testing::data_path("module.bin")),
        "wants to call torch.nn.modules.linear.Linear; refusing"},
       {"training checkpoint", testing::file_bytes(testing::data_path("training.bin")),
        "its entry \"model\" is a dictionary, not a tensor; a training checkpoint?"},
       {"instance", opcodes("(ccollections\nOrderedDict\no."), "uses the opcode 111 at byte"},
       {"inst", opcodes("(icollections\nOrderedDict\n."), "uses the opcode 105"},
       {"new object", opcodes("ccollections\nOrderedDict\n)\x81."), "uses the opcode 129"},
       {"extension", opcodes("\x82\x01."), "uses the opcode 130"},
       {"persistent id as text", opcodes("Px\n."), "uses the opcode 80"},
       {"call of a string", opcodes(pickled("f") + ")R."), "wants to call a string; it is damaged"},
       {"call of a dtype", opcodes("ctorch\nfloat32\n)R."),
        "wants to call torch.float32, which is no function"},
       {"OrderedDict of arguments",
        opcodes("ccollections\nOrderedDict\n(Nt"
                "R."),
        "OrderedDict from arguments"},
       {"state of a list", opcodes("]}b."), "sets the state of a list"}});
}

TEST(MalformedTorchBin, PicklesThatAreDamaged) {
  testing::expect_refused(
      parse,
      {{"no bytes", torch_bytes(""), "a pickle opcode at byte 0 needs 1 bytes"},
       {"no stop", opcodes("}"), "a pickle opcode at byte 3 needs 1 bytes"},
       {"protocol 1", torch_bytes("\x80\x01}."), "pickled with protocol 1; 2 to 5 can be read"},
       {"stack underflow", opcodes("."), "takes a value from an empty stack at byte 3"},
       {"setitem underflow", opcodes("}Ns."), "takes a value from an empty stack"},
       {"tuple across a mark", opcodes("N(\x85."), "takes a value from an empty stack"},
       {"no mark", opcodes("}Nt."), "up to a mark that is not there"},
       {"pop across a mark", opcodes("N(0."), "takes a value from an empty stack"},
       {"memo missing", opcodes("h\x05."), "refers to the object 5 that it never stored"},
       {"memo of nothing", opcodes("q\x01."), "takes a value from an empty stack"},
       {"string past the end", opcodes(std::string("X") + le<uint32_t>(~0u) + "abc."),
        "a pickled string at byte 7 needs 4294967295 bytes"},
       {"string of 2^64", opcodes(std::string("\x8d") + le<uint64_t>(~0ull) + "abc."),
        "needs 18446744073709551615 bytes"},
       {"bad UTF-8", opcodes(pickled("\xc3(") + "."),
        "a string in the pickle before byte 9 is not valid UTF-8"},
       {"open name", opcodes("cos"), "a name in the pickle at byte 5 needs 1 bytes"},
       {"long number", opcodes(std::string("\x8a\x09") + std::string(9, '\1') + "."),
        "a number of 9 bytes, more than 64 bits"},
       {"odd items", opcodes("}(Nu."), "adds 1 values to a dictionary"},
       {"items of a tuple", opcodes(")NNs."), "adds 2 values to a tuple"},
       {"names that are numbers", opcodes("NN\x93."), "looks up a name that is no string"},
       {"endless stack", opcodes(repeat("N", 1'200'000) + "."), "more objects than any checkpoint"},
       {"deep tuples", opcodes(std::string(")") + repeat("\x85", 500'000) + "."),
        "holds a tuple, not a dictionary of tensors"},
       {"too many tuples", opcodes(std::string(")") + repeat("\x85", 2'200'000) + "."),
        "more objects than any checkpoint"},
       {"a number", opcodes("K\x05."), "holds an int, not a dictionary of tensors"},
       {"itself as a value", opcodes(std::string("}q\x01") + pickled("w") + "h\x01s."),
        "its entry \"w\" is a dictionary"},
       {"key that is a number", opcodes("}NNs."), "a key of its dictionary is None"}});
}

TEST(MalformedTorchBin, TensorsThatDoNotFitTheirStorage) {
  const auto tensor_call = [](const std::string& args) {
    return torch_bytes(
        pickled_dict(std::string("ctorch._utils\n_rebuild_tensor_v2\n") + args + "R"));
  };
  testing::expect_refused(
      parse,
      {{"no storage entry", tensor({.key = "7"}), "the data of tensor \"w\" (data/7) are missing"},
       {"path as storage", tensor({.key = "../version"}), "(data/../version) are missing"},
       {"storage size", tensor({.storage_size = 5}), "should take 20 bytes, but data/0 has 16"},
       {"storage of 2^62", tensor({.storage_size = int64_t{1} << 62}),
        "with a storage of 4611686018427387904 elements"},
       {"negative storage", tensor({.storage_size = -4}), "with the negative size -4"},
       {"other width", tensor({.storage = "HalfStorage"}),
        "should take 8 bytes, but data/0 has 16"},
       {"dtype for a storage", tensor({.storage = "float32"}), "torch.float32 as its type"},
       {"untyped, but no dtype", tensor({.storage = "UntypedStorage", .storage_size = 16}),
        "with no dtype, or two"},
       {"offset past the end", tensor({.offset = 4}),
        "reaches outside of its storage of 4 elements"},
       {"negative offset", tensor({.offset = -1}), "offset -1 reaches outside"},
       {"shape past the end", tensor({.shape = {5}}),
        "of shape [5], strides [1] and offset 0 reaches outside"},
       {"stride past the end", tensor({.strides = {2}}),
        "strides [2] and offset 0 reaches outside"},
       {"negative stride", tensor({.offset = 3, .strides = {-1}}),
        "strides [-1] and offset 3 reaches outside"},
       {"stride overflows", tensor({.shape = {3}, .strides = {int64_t{1} << 62}}),
        "reaches outside"},
       {"negative shape", tensor({.shape = {-4}}), "the impossible shape [-4] with strides [1]"},
       {"shape overflows",
        tensor({.shape = {int64_t{1} << 40, int64_t{1} << 40}, .strides = {0, 0}}),
        "the impossible shape"},
       {"no stride", tensor({.shape = {2, 2}}), "the impossible shape [2, 2] with strides [1]"},
       {"bomb of strides 0", tensor({.shape = {1 << 30}, .strides = {0}}),
        "would take too much memory"},
       {"65 dimensions",
        tensor({.shape = std::vector<int64_t>(65, 1), .strides = std::vector<int64_t>(65, 1)}),
        "with 65 dimensions; it is damaged"},
       {"no arguments", tensor_call(")"), "with too few arguments"},
       {"arguments in a list", tensor_call("]"), "with arguments that are no tuple"},
       {"number as storage", tensor_call("(K\x01t"), "with an int where a storage is needed"},
       {"short persistent id", tensor_call(std::string("(") + pickled("storage") + "\x85Qt"),
        "a storage with too few arguments"},
       {"foreign persistent id", tensor_call(std::string("(") + pickled("module") + "\x85Qt"),
        "an unknown kind of reference"}});
}

TEST(MalformedTorchBin, ATensorNamedTwice) {
  const std::string tensor = pickled("w") + pickled(PickledArgs{});
  const testing::TemporaryFolder folder;
  const std::string path = folder.write("x.bin", opcodes("}(" + tensor + tensor + "u."));
  try {
    open_torch_bin(path);
    ADD_FAILURE() << "accepted";
  } catch (const FormatError& error) {
    EXPECT_EQ(error.what(), path + ": holds two tensors named \"w\"");
  }
}

TEST(MalformedTorchBin, PartsOfAFile) {
  testing::expect_all_parts_refused(parse,
                                    testing::file_bytes(testing::data_path("state_dict.bin")));
}

}  // namespace
}  // namespace inseq::io
