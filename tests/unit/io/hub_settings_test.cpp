#include "io/hub_settings.h"

#include "inseq/error.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

using testing::message_of;

class HubSettingsTest : public testing::FakeHub {
 protected:
  HubSettingsTest() {
    environment.set("HOME", "/home/ada");
    environment.set("HF_HOME", nullptr);
    environment.set("HF_ENDPOINT", nullptr);
  }
};

TEST_F(HubSettingsTest, FindsTheCacheAsHuggingFaceHubDoes) {
  EXPECT_EQ(hub_settings().cache, "/home/ada/.cache/huggingface/hub");
  environment.set("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(hub_settings().cache, "/xdg/huggingface/hub");
  environment.set("HF_HOME", "/hf");
  EXPECT_EQ(hub_settings().cache, "/hf/hub");
  environment.set("HUGGINGFACE_HUB_CACHE", "/legacy");
  EXPECT_EQ(hub_settings().cache, "/legacy");
  environment.set("HF_HUB_CACHE", "/cache");
  EXPECT_EQ(hub_settings().cache, "/cache");
}

TEST_F(HubSettingsTest, ReplacesTildeAndVariablesInPaths) {
  environment.set("HF_HUB_CACHE", "~/models");
  EXPECT_EQ(hub_settings().cache, "/home/ada/models");
  environment.set("HF_TOKEN", "disk");
  environment.set("HF_HUB_CACHE", "/$HF_TOKEN/${HF_TOKEN}s/$NOT_SET_ANYWHERE/${HF_TOKEN/$");
  EXPECT_EQ(hub_settings().cache, "/disk/disks/$NOT_SET_ANYWHERE/${HF_TOKEN/$");
}

TEST_F(HubSettingsTest, ReadsEndpointAndSwitches) {
  EXPECT_EQ(hub_settings().endpoint, "https://huggingface.co");
  EXPECT_FALSE(hub_settings().offline);
  EXPECT_TRUE(hub_settings().symlinks);
  environment.set("HF_ENDPOINT", "https://mirror.example/hub//");
  environment.set("HF_HUB_DISABLE_SYMLINKS", "yes");
  EXPECT_EQ(hub_settings().endpoint, "https://mirror.example/hub");
  EXPECT_FALSE(hub_settings().symlinks);
  environment.set("TRANSFORMERS_OFFLINE", "1");
  EXPECT_TRUE(hub_settings().offline);
  environment.set("HF_HUB_OFFLINE", "0");  // the hub's own variable decides
  EXPECT_FALSE(hub_settings().offline);
  environment.set("HF_HUB_OFFLINE", "True");
  EXPECT_TRUE(hub_settings().offline);
}

TEST_F(HubSettingsTest, FindsTheToken) {
  environment.set("HF_HOME", folder.path());
  EXPECT_EQ(hub_token(), "");
  testing::write_content(folder.path() + "/token", " hf_file\n");
  EXPECT_EQ(hub_token(), "hf_file");
  testing::write_content(folder.path() + "/elsewhere", "hf_elsewhere");
  environment.set("HF_TOKEN_PATH", folder.path() + "/elsewhere");
  EXPECT_EQ(hub_token(), "hf_elsewhere");
  environment.set("HUGGING_FACE_HUB_TOKEN", "hf_legacy");
  EXPECT_EQ(hub_token(), "hf_legacy");
  environment.set("HF_TOKEN", "hf_variable\r\n");
  EXPECT_EQ(hub_token(), "hf_variable");
  environment.set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  EXPECT_EQ(hub_token(), "");
}

TEST_F(HubSettingsTest, RefusesATokenThatWouldBreakTheHeaderAndDoesNotPrintIt) {
  environment.set("HF_TOKEN", "hf_secret\r\nX-Evil: 1");
  const std::string message = message_of<InvalidArgument>(hub_token);
  EXPECT_SAYS(message, "HF_TOKEN");
  EXPECT_EQ(message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace inseq::io
