#include "text/tokenizer_class.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace inseq::text {
namespace {

using Names = std::set<std::string_view>;

constexpr const char* kBackend = "TokenizersBackend";

/// Classes of transformers 5.23 around the tokenizers library, by their own name.
const Names kFastClasses = {"AlbertTokenizer",
                            "BarthezTokenizer",
                            "BertTokenizer",
                            "BigBirdTokenizer",
                            "BlenderbotTokenizer",
                            "CLIPTokenizer",
                            "CamembertTokenizer",
                            "CodeGenTokenizer",
                            "CodeLlamaTokenizer",
                            "CohereTokenizer",
                            "DPRQuestionEncoderTokenizer",
                            "DebertaTokenizer",
                            "DebertaV2Tokenizer",
                            "EsmcTokenizer",
                            "FNetTokenizer",
                            "FunnelTokenizer",
                            "GPT2Tokenizer",
                            "GPTNeoXTokenizer",
                            "GemmaTokenizer",
                            "HerbertTokenizer",
                            "LasrTokenizer",
                            "LayoutLMv2Tokenizer",
                            "LayoutLMv3Tokenizer",
                            "LayoutXLMTokenizer",
                            "LlamaTokenizer",
                            "LukeTokenizer",
                            "MBart50Tokenizer",
                            "MBartTokenizer",
                            "MLukeTokenizer",
                            "MPNetTokenizer",
                            "MarkupLMTokenizer",
                            "NllbTokenizer",
                            "NougatTokenizer",
                            "OpenAIGPTTokenizer",
                            "ParakeetTokenizer",
                            "PegasusTokenizer",
                            "Qwen2Tokenizer",
                            "Qwen3_5Tokenizer",
                            "ReformerTokenizer",
                            "RemBertTokenizer",
                            "RoFormerTokenizer",
                            "RobertaTokenizer",
                            "SeamlessM4TTokenizer",
                            "Siglip2Tokenizer",
                            "SplinterTokenizer",
                            "T5Tokenizer",
                            "Tipsv2Tokenizer",
                            "TokenizersBackend",
                            "UdopTokenizer",
                            "VideoPrismTokenizer",
                            "WhisperTokenizer",
                            "XGLMTokenizer",
                            "XLMRobertaTokenizer",
                            "XLNetTokenizer"};

/// Classes written in Python or around SentencePiece.
const Names kSlowClasses = {"BartphoTokenizer",
                            "BertGenerationTokenizer",
                            "BertJapaneseTokenizer",
                            "BertweetTokenizer",
                            "BioGptTokenizer",
                            "BlenderbotSmallTokenizer",
                            "ByT5Tokenizer",
                            "CTRLTokenizer",
                            "CanineTokenizer",
                            "ClvpTokenizer",
                            "CpmAntTokenizer",
                            "CpmTokenizer",
                            "DiaTokenizer",
                            "EsmTokenizer",
                            "FSMTTokenizer",
                            "FlaubertTokenizer",
                            "GPTNeoXJapaneseTokenizer",
                            "GPTSw3Tokenizer",
                            "M2M100Tokenizer",
                            "MarianTokenizer",
                            "MgpstrTokenizer",
                            "MyT5Tokenizer",
                            "PLBartTokenizer",
                            "PerceiverTokenizer",
                            "PhobertTokenizer",
                            "ProphetNetTokenizer",
                            "PythonBackend",
                            "RagTokenizer",
                            "RoCBertTokenizer",
                            "SiglipTokenizer",
                            "Speech2TextTokenizer",
                            "SpeechT5Tokenizer",
                            "TapasTokenizer",
                            "VitsTokenizer",
                            "XLMTokenizer"};

const std::map<std::string_view, std::string_view> kOtherNames = {
    {"BartTokenizer", "RobertaTokenizer"},    {"LEDTokenizer", "RobertaTokenizer"},
    {"MvpTokenizer", "RobertaTokenizer"},     {"LxmertTokenizer", "BertTokenizer"},
    {"MobileBertTokenizer", "BertTokenizer"}, {"BloomTokenizer", kBackend},
    {"PreTrainedTokenizerFast", kBackend},    {"PreTrainedTokenizer", "PythonBackend"}};

/// The class registered for a model type, of the model types that generate text.
const std::map<std::string_view, Names> kModelTypesOf = {
    {"BertGenerationTokenizer", {"bert-generation"}},
    {"BertTokenizer", {"bert", "electra", "ernie", "git", "megatron-bert"}},
    {"BigBirdTokenizer", {"big_bird"}},
    {"BioGptTokenizer", {"biogpt"}},
    {"BlenderbotSmallTokenizer", {"blenderbot-small"}},
    {"BlenderbotTokenizer", {"blenderbot"}},
    {"ByT5Tokenizer", {"byt5"}},
    {"CTRLTokenizer", {"ctrl"}},
    {"CamembertTokenizer", {"camembert"}},
    {"CodeLlamaTokenizer", {"code_llama"}},
    {"CohereTokenizer", {"cohere", "cohere2"}},
    {"CpmAntTokenizer", {"cpmant"}},
    {"FSMTTokenizer", {"fsmt"}},
    {"GPT2Tokenizer",
     {"codegen", "dbrx", "emu3", "gpt2", "gpt_neo", "gptj", "hyperclovax_vision_v2", "jais2", "opt",
      "phi", "starcoder2"}},
    {"GPTNeoXJapaneseTokenizer", {"gpt_neox_japanese"}},
    {"GPTNeoXTokenizer",
     {"falcon_mamba", "gpt_neox", "mamba", "mamba2", "mpt", "olmo", "olmoe", "rwkv", "xlstm"}},
    {"GPTSw3Tokenizer", {"gpt-sw3"}},
    {"GemmaTokenizer",
     {"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "recurrent_gemma",
      "t5gemma", "zaya"}},
    {"LEDTokenizer", {"led"}},
    {"M2M100Tokenizer", {"m2m_100"}},
    {"MBart50Tokenizer", {"mbart50"}},
    {"MBartTokenizer", {"mbart"}},
    {"MarianTokenizer", {"marian"}},
    {"MvpTokenizer", {"mvp"}},
    {"NllbTokenizer", {"nllb", "nllb-moe"}},
    {"OpenAIGPTTokenizer", {"openai-gpt"}},
    {"PLBartTokenizer", {"plbart"}},
    {"PegasusTokenizer", {"pegasus"}},
    {"ProphetNetTokenizer", {"prophetnet"}},
    {"Qwen2Tokenizer",
     {"audioflamingo3", "dots3_note", "qwen2", "qwen2_audio", "qwen2_moe", "qwen3", "qwen3_asr",
      "qwen3_moe", "qwen3_next"}},
    {"Qwen3_5Tokenizer",
     {"qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen4_exp"}},
    {"ReformerTokenizer", {"reformer"}},
    {"RemBertTokenizer", {"rembert"}},
    {"RoCBertTokenizer", {"roc_bert"}},
    {"RoFormerTokenizer", {"roformer"}},
    {"RobertaTokenizer", {"data2vec-text", "roberta", "roberta-prelayernorm", "bart"}},
    {"SeamlessM4TTokenizer", {"seamless_m4t", "seamless_m4t_v2"}},
    {"T5Tokenizer", {"mt5", "musicgen", "musicgen_melody", "switch_transformers", "t5"}},
    {"WhisperTokenizer", {"whisper"}},
    {"XGLMTokenizer", {"xglm"}},
    {"XLMRobertaTokenizer", {"trocr", "xlm-roberta", "xmod"}},
    {"XLMTokenizer", {"xlm"}},
    {"XLNetTokenizer", {"xlnet"}},
    {kBackend,
     {"beam",
      "bigbird_pegasus",
      "flex_olmo",
      "glm",
      "glm4",
      "glm4_moe",
      "glm4_moe_lite",
      "glmasr",
      "got_ocr2",
      "gpt_bigcode",
      "granite",
      "granitemoe",
      "granitemoehybrid",
      "granitemoeshared",
      "kimi_linear",
      "mimo_v2_flash",
      "ministral",
      "ministral3",
      "mistral",
      "mistral3",
      "mixtral",
      "olmo2",
      "olmo3",
      "olmo_hybrid",
      "pegasus_x",
      "persimmon",
      "pixtral",
      "stablelm",
      "umt5",
      "voxtral",
      "voxtral_realtime",
      "xlm-roberta-xl"}}};

/// Model types whose published tokenizer_class is wrong; unless listed above they take
/// TokenizersBackend.
const Names kWronglyNamed = {"arctic",
                             "camembertv2-base",
                             "chatlm",
                             "cohere_asr",
                             "ernie4_5",
                             "ernie4_5_moe",
                             "fuyu",
                             "h2ovl_chat",
                             "hyperclovax",
                             "hyperclovax_vision_v2",
                             "hyperclovax_vlm",
                             "internlm2",
                             "internlm3",
                             "iquestcoder",
                             "jamba",
                             "llava",
                             "llava_next",
                             "minicpm3",
                             "minicpmv",
                             "minimax_m2",
                             "modernbert",
                             "modernbert-decoder",
                             "molmo",
                             "molmo2",
                             "nemotron",
                             "nvfp4",
                             "opencua",
                             "openvla",
                             "paddleocr_vl",
                             "phi3",
                             "phi3_v",
                             "phimoe",
                             "qwen2",
                             "qwen3_5",
                             "qwen3_5_moe",
                             "qwen3_5_moe_text",
                             "qwen4_exp",
                             "siglip2",
                             "smolvlm",
                             "step3_vl",
                             "vipllava"};

/// Repositories, in lower case, whose tokenizer.json is right and whose tokenizer_class is not.
constexpr std::string_view kWronglyNamedRepositories[] = {
    "deepseek-ai--deepseek-r1-distill-llama-", "deepseek-ai--deepseek-coder-",
    "allenai--dolma2-tokenizer", "google--umt5-small", "stepfun-ai--step-3.7-"};

std::string without_fast(const std::string& name) {
  return name.ends_with("Fast") ? name.substr(0, name.size() - 4) : name;
}

/// The registered class; "" when there is none.
std::string registered_class(const std::string& model_type) {
  for (const auto& [name, types] : kModelTypesOf) {
    if (types.contains(model_type)) return std::string(name);
  }
  return kWronglyNamed.contains(model_type) ? kBackend : "";
}

bool is_wrongly_named_repository(std::string folder) {
  std::transform(folder.begin(), folder.end(), folder.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(std::begin(kWronglyNamedRepositories), std::end(kWronglyNamedRepositories),
                     [&folder](std::string_view name) {
                       return folder.find("models--" + std::string(name)) != std::string::npos;
                     });
}

bool is_generic(const std::string& canonical) {
  return canonical == kBackend || canonical == "PythonBackend";
}

}  // namespace

std::string canonical_class(const std::string& name) {
  for (const std::string& candidate : {name, without_fast(name)}) {
    if (kFastClasses.contains(candidate) || kSlowClasses.contains(candidate)) return candidate;
    const auto other = kOtherNames.find(candidate);
    if (other != kOtherNames.end()) return std::string(other->second);
  }
  return "";
}

bool is_slow_class(const std::string& canonical) { return kSlowClasses.contains(canonical); }

std::string choose_tokenizer_class(const ClassHints& hints) {
  if (is_wrongly_named_repository(hints.folder)) return kBackend;
  const std::string declared =
      hints.tokenizer_class.empty() ? hints.config_class : hints.tokenizer_class;
  const std::string registered = registered_class(hints.model_type);
  const bool wrong =
      kWronglyNamed.contains(hints.model_type) || kWronglyNamed.contains(hints.model_name);
  // LlamaTokenizer always splits at spaces; files of the Llama 3 kind are byte-level.
  if (without_fast(declared) == "LlamaTokenizer" && !wrong && hints.byte_level) return kBackend;
  if (!declared.empty() && !registered.empty() &&
      without_fast(registered) != without_fast(declared)) {
    if (registered != kBackend) {
      const std::string chosen = canonical_class(wrong ? registered : declared);
      if (!chosen.empty() && !is_generic(chosen)) return chosen;
    }
    return kBackend;
  }
  const std::string named = declared.empty() ? registered : declared;
  const std::string chosen = canonical_class(named);
  return chosen.empty() || is_generic(chosen) ? kBackend : chosen;
}

}  // namespace inseq::text
