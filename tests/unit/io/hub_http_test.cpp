#include "io/hub_http.h"

#include <optional>

#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

using testing::message_of;
using Requests = std::vector<std::string>;

class HubHttpTest : public testing::FakeHub {
 protected:
  HttpResponse get(const std::string& url, size_t limit = 1000) {
    return HttpClient("hf_token", nullptr, kShort).send({.url = url}, limit);
  }
  Json redirect(const std::string& url) {
    return {{"status", 302}, {"body", "moved"}, {"headers", {{"Location", url}}}};
  }
};

TEST_F(HubHttpTest, FollowsRedirectsWithinAServerWithTheToken) {
  server.answer("/a", {redirect("/b")});
  server.answer("/b", {{{"body", "text"}, {"headers", {{"X-Thing", " 7 "}}}}});
  const HttpResponse answer = get(server.address() + "/a");
  EXPECT_EQ(answer.text, "text");
  EXPECT_EQ(answer.header("x-thing"), "7");
  EXPECT_EQ(answer.header("x-other"), "");
  EXPECT_EQ(answer.url, server.address() + "/b");
  EXPECT_EQ(server.header("GET /a", "authorization"), Requests{"Bearer hf_token"});
  EXPECT_EQ(server.header("GET /b", "authorization"), Requests{"Bearer hf_token"});
}

TEST_F(HubHttpTest, NeverSendsTheTokenToAnotherHostOrPort) {
  testing::TestServer other;
  server.answer("/port", {redirect(other.address() + "/x")});
  other.answer("/x", {{{"body", "x"}}});
  EXPECT_EQ(get(server.address() + "/port").text, "x");
  EXPECT_EQ(other.header("GET /x", "authorization"), Requests{""});

  // Away and back again: whoever is in between chose the address.
  server.answer("/host", {redirect("http://localhost:" + server.port() + "/y")});
  server.answer("/y", {redirect(server.address() + "/z")});
  server.answer("/z", {{{"body", "z"}}});
  EXPECT_EQ(get(server.address() + "/host").text, "z");
  EXPECT_EQ(server.header("GET /host", "authorization"), Requests{"Bearer hf_token"});
  EXPECT_EQ(server.header("GET /y", "authorization"), Requests{""});
  EXPECT_EQ(server.header("GET /z", "authorization"), Requests{""});
}

TEST_F(HubHttpTest, StopsAtRedirectsThatLeadNowhere) {
  server.answer("/file", {redirect("file:///etc/passwd")});
  server.answer("/loop", {redirect("/loop")});
  EXPECT_NE(
      message_of<DownloadError>([&] { get(server.address() + "/file"); }).find("not followed"),
      std::string::npos);
  EXPECT_NE(message_of<DownloadError>([&] { get(server.address() + "/loop"); }).find("10 times"),
            std::string::npos);
  EXPECT_THROW(get("ftp://127.0.0.1/x"), InvalidArgument);
  EXPECT_THROW(get("no address"), InvalidArgument);
}

TEST_F(HubHttpTest, HeadStopsWhereTheHubDescribesTheFile) {
  server.answer(
      "/a",
      {{{"status", 302}, {"linked", {{"fill", 10}}}, {"headers", {{"Location", large_url("x")}}}}});
  HttpClient client("", nullptr);
  const HttpResponse answer = client.send({.url = server.address() + "/a", .head = true});
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.header("x-linked-size"), "10");
  EXPECT_EQ(server.requests(), Requests{"HEAD /a"});
}

TEST_F(HubHttpTest, TriesAgainAfterPassingTrouble) {
  server.answer("/a", {{{"status", 500}, {"body", "oops"}},
                       {{"body", "half"}, {"drop_after", 2}},
                       {{"body", "text"}}});
  EXPECT_EQ(get(server.address() + "/a").text, "text");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(HubHttpTest, GivesUpAfterAFewAttempts) {
  server.answer("/a", {{{"status", 503}, {"headers", {{"X-Error-Message", "asleep\x1b[31m"}}}}});
  const HttpResponse answer = get(server.address() + "/a");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.what_happened(), "the server answered 503 (asleep␛[31m)");
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST_F(HubHttpTest, DoesNotRepeatWhatCannotSucceed) {
  server.answer("/a", {{{"status", 404}}});
  EXPECT_EQ(get(server.address() + "/a").status, 404);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HubHttpTest, SaysWhyNobodyAnswers) {
  std::optional<testing::TestServer> gone(std::in_place);
  const std::string address = gone->address();
  gone.reset();
  const HttpResponse answer = get(address + "/a");
  EXPECT_FALSE(answer.ok());
  EXPECT_EQ(answer.status, 0);
  EXPECT_NE(answer.what_happened().find("onnect"), std::string::npos) << answer.what_happened();
}

TEST_F(HubHttpTest, LimitsTheLengthOfAnswers) {
  server.answer("/a", {{{"fill", 1001}}});
  server.answer("/error", {{{"status", 404}, {"fill", 10'000'000}}});
  EXPECT_NE(message_of<FormatError>([&] { get(server.address() + "/a"); }).find("1000 bytes"),
            std::string::npos);
  EXPECT_EQ(get(server.address() + "/error").status, 404);
}

TEST_F(HubHttpTest, StopsWhenTheTickThrows) {
  server.answer("/a", {{{"status", 503}}});
  HttpClient client("", [] { throw Interrupted("stop"); }, kShort);
  EXPECT_THROW(client.send({.url = server.address() + "/a"}), Interrupted);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(PercentEncode, LeavesNothingThatAnAddressWouldMisread) {
  EXPECT_EQ(percent_encode("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(percent_encode("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encode("q4/x y?#%.gguf", "/"), "q4/x%20y%3F%23%25.gguf");
  EXPECT_EQ(percent_encode("\xc3\xa9"), "%C3%A9");
}

TEST(Excerpt, KeepsControlCharactersAndLongTextsOutOfMessages) {
  EXPECT_EQ(excerpt("a\x1b[2Jb\n\xff"), "a␛[2Jb↵\uFFFD");
  EXPECT_EQ(excerpt(std::string(300, 'x')), std::string(199, 'x') + "…");
  EXPECT_EQ(excerpt(std::string(5000, '\x80') + "x").size(), 200u * 3);
  std::string accents = "e";  // all in one column
  for (int i = 0; i < 5000; ++i) accents += "\u0301";
  EXPECT_LT(excerpt(accents).size(), 1100u);
}

}  // namespace
}  // namespace inseq::io
