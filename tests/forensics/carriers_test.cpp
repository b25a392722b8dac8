// Every carrier decodes its samples and is found by them; inputs of all encodings come out as lines.
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "forensics/demux.h"
#include "forensics/line_reader.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

std::vector<Record> decode_all(std::string_view text, std::vector<std::string>& messages) {
  std::vector<Record> records;
  Demux demux(std::nullopt);
  Record record;
  const auto drain = [&] {
    while (demux.next(record)) {
      records.push_back(record);
      messages.emplace_back(record.message);
    }
  };
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    demux.feed(text.substr(0, end));
    drain();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  demux.finish();
  drain();
  return records;
}

TEST(EveryCarrier, DecodesItsSamplesAndIsDetectedByThem) {
  for (const auto& carrier : all_carriers()) {
    SCOPED_TRACE(carrier.name);
    EXPECT_FALSE(carrier->summary.empty());
    EXPECT_TRUE(carrier->decode != nullptr || carrier->make_block != nullptr);
    EXPECT_TRUE(carrier->decode == nullptr || !carrier->samples.empty());
    for (const auto& sample : carrier->samples) {
      SCOPED_TRACE(sample.line);
      std::string scratch;
      const auto record = carrier->decode(sample.line, scratch);
      ASSERT_TRUE(record);
      EXPECT_EQ(record->message, sample.message);
      Demux demux(std::nullopt);
      demux.feed(sample.line);
      Record found;
      ASSERT_TRUE(demux.next(found));
      EXPECT_EQ(found.message, sample.message);
      std::string name(carrier.name);
      std::ranges::replace(name, '-', '_');
      EXPECT_EQ(demux.carrier(), name == "raw" ? std::nullopt : std::optional(name));
    }
  }
}

TEST(EveryCarrier, RefusesWhatHasNoPrefix) {
  for (const auto& carrier : all_carriers()) {
    if (carrier.name == "raw" || carrier->decode == nullptr) {
      continue;
    }
    for (const auto line :
         {"", " ", "[", "[ pid ]   uid  tgid total_vm      rss cpu oom_adj name",
          "[12345]  1000 12345     100       50  0   0 x", "anon 123", "{", "<", "<4",
          "Call Trace:", "Memory cgroup out of memory: Killed process 1 (x)", "oom-kill:constraint=CONSTRAINT_NONE"}) {
      std::string scratch;
      EXPECT_FALSE(carrier->decode(line, scratch)) << carrier.name << ": " << line;
    }
  }
}

TEST(Carriers, StampsHostsAndCallers) {
  std::vector<std::string> messages;
  const auto records = decode_all(
      "[   12.345678] a\n"
      "[   12.345678][ T3997] b\n"
      "Oct 12 19:00:20 node kernel: [ 8523.347168] c\n"
      "4,1,5678901,-,caller=T12;d\n SUBSYSTEM=acpi\n DEVICE=+acpi:x\n"
      "12,2,5678902,-;e\n"
      "2024-05-01T12:34:56.789012+02:00 node kernel: f\n"
      "Jan  5 15:20:01 node sshd[12]: g\n",
      messages);
  ASSERT_EQ(messages, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g"}));
  EXPECT_DOUBLE_EQ(records[0].monotonic_s.value(), 12.345678);
  EXPECT_EQ(to_text(*records[2].wall), "--10-12T19:00:20");
  EXPECT_FALSE(records[4].kernel) << "facility 1 is a program that wrote to /dev/kmsg";
  EXPECT_EQ(to_text(*records[5].wall), "2024-05-01T12:34:56.789012+02:00");
  EXPECT_FALSE(records[6].kernel);
}

TEST(Carriers, WrappersAreTakenOff) {
  const char* const kLines[] = {
      "\x1b[32m[   12.345678] \x1b[0mMem-Info:",
      "> > [   12.345678] Mem-Info:",
      "    [   12.345678] Mem-Info:",
      R"({"log":"[   12.345678] Mem-Info:\n","stream":"stdout","time":"2024-05-01T12:34:56.7Z"})",
      R"({"insertId":"x","jsonPayload":{"MESSAGE":"[   12.345678] Mem-Info:","PRIORITY":"4"}})",
      "2024-05-01T12:34:56.789012345Z stdout F [   12.345678] Mem-Info:",
      "Aug 04 12:00:00.123: vcpu-0| I120: Guest: <6>[   12.345678] Mem-Info:"};
  for (const auto* line : kLines) {
    std::vector<std::string> messages;
    const auto records = decode_all(line, messages);
    ASSERT_EQ(messages.size(), 1U) << line;
    EXPECT_EQ(messages[0], "Mem-Info:") << line;
    EXPECT_EQ(records[0].monotonic_s, 12.345678) << line;
  }
}

TEST(Carriers, PagesAndMailsAreTakenOff) {
  std::vector<std::string> messages;
  decode_all(
      "[   12.345678]  &lt;TASK&gt; &quot;a&quot; &#39;b&#39; &amp;lt;\n"
      "> [   12.345678] x invoked oom-killer: gfp_mask=3D0xcc0(GFP_KERNEL), order=\n"
      "=3D0, oom_score_adj=3D0\n"
      "[   12.345678] caf=C3=A9 =3D 1\n"
      "6,1,12345678,-;a&lt;=3Db\n",
      messages);
  EXPECT_EQ(messages, (std::vector<std::string>{" <TASK> \"a\" 'b' &lt;",
                                                "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
                                                "oom_score_adj=0",
                                                "caf\xC3\xA9 = 1", "a&lt;=3Db"}));
  messages.clear();
  decode_all("[   12.345678] nodemask=\n6,1,12345678,-;a&lt;=3Db\n", messages);
  EXPECT_EQ(messages, (std::vector<std::string>{"nodemask=", "a&lt;=3Db"})) << "no sign of quoted-printable";
}

TEST(Carriers, BlocksOverSeveralLines) {
  std::vector<std::string> messages;
  decode_all(
      "{\n   \"dmesg\": [\n      {\n         \"pri\": 6,\n         \"time\":    12.345678,\n         \"msg\": \"a {b} "
      "\\\"c\\\"\"\n      },{\n         \"pri\": 6,\n"
      "         \"time\":    12.345679,\n         \"msg\": \"d\"\n      }\n   ]\n}\n",
      messages);
  EXPECT_EQ(messages, (std::vector<std::string>{"a {b} \"c\"", "d"}));
  messages.clear();
  decode_all("{\"dmesg\":[{\"pri\":6,\"time\":1.5,\"msg\":\"a\"},{\"pri\":6,\"time\":1.6,\"msg\":\"b\"}]}\n", messages);
  EXPECT_EQ(messages, (std::vector<std::string>{"a", "b"}));
  messages.clear();
  std::string entry = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1700000000123456\n_TRANSPORT=kernel\nMESSAGE\n";
  entry += std::string("\x0d\0\0\0\0\0\0\0", 8) +
           "anon 1\nfile 2\n_HOSTNAME=node\n\n__CURSOR=s=2\n_TRANSPORT=kernel\nMESSAGE=Mem-Info:\n";
  const auto records = decode_all(entry, messages);
  EXPECT_EQ(messages, (std::vector<std::string>{"anon 1\nfile 2", "Mem-Info:"}));
  ASSERT_EQ(records.size(), 2U);
}

std::vector<std::string> lines_of(std::string_view bytes) {
  LineReader reader(decompressed(source_of_memory(bytes)));
  std::vector<std::string> lines;
  while (true) {
    const auto line = reader.next();
    EXPECT_TRUE(line);
    if (!line || !*line) {
      return lines;
    }
    lines.emplace_back((*line)->text);
  }
}

TEST(LineReader, Encodings) {
  EXPECT_EQ(lines_of("a\r\nb\n\nc"), (std::vector<std::string>{"a", "b", "", "c"}));
  EXPECT_EQ(lines_of(""), std::vector<std::string>{});
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                     "a\n"),
            std::vector<std::string>{"a"});
  EXPECT_EQ(lines_of(std::string_view("a\0\0b\n\0\0", 7)), (std::vector<std::string>{"ab", ""}));
  EXPECT_EQ(lines_of(std::string_view("\xFF\xFE"
                                      "a\0\xe4\0\n\0b\0",
                                      10)),
            (std::vector<std::string>{"a\xc3\xa4", "b"}));
  EXPECT_EQ(lines_of(std::string_view("\xFE\xFF"
                                      "\xD8\x3D\xDE\x00\0\n",
                                      8)),
            std::vector<std::string>{"\xF0\x9F\x98\x80"});
  const std::string longest(3 << 20, 'x');
  const auto lines = lines_of(longest + "\nnext\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].size(), std::size_t{1} << 20);
  EXPECT_EQ(lines[1], "next");
}

std::string gzip(std::string_view text) {
  std::string out(text.size() + 1024, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(LineReader, Compression) {
  EXPECT_EQ(lines_of(gzip("a\nb\n")), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(lines_of(gzip("a\n") + gzip("b\n")), (std::vector<std::string>{"a", "b"}));
  std::string zstd(4096, '\0');
  zstd.resize(ZSTD_compress(zstd.data(), zstd.size(), "a\nb\n", 4, 3));
  EXPECT_EQ(lines_of(zstd), (std::vector<std::string>{"a", "b"}));
  auto packed = gzip(testing::joined(testing::memcg_report()));
  EXPECT_EQ(testing::parse_text(packed).incidents.size(), 1U);
  EXPECT_EQ(testing::parse_text(packed).inputs[0].compression, "gzip");
  packed.resize(packed.size() - 12);
  const auto cut = testing::parse_text(packed);
  ASSERT_EQ(cut.warnings.size(), 1U);
  EXPECT_EQ(cut.warnings[0].code, "input_damaged");
  EXPECT_EQ(cut.warnings[0].message, "test: the compressed data ends early; what is before it was read");
}

TEST(Demux, ForcedCarrier) {
  EXPECT_TRUE(Demux::knows("journal_text"));
  EXPECT_TRUE(Demux::knows("journal-text"));
  EXPECT_FALSE(Demux::knows("klog"));
  std::vector<Source> sources;
  sources.push_back({.name = "x", .fd = {}, .bytes = "", .carrier = "klog"});
  const auto document = analyze(sources);
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().message, "'klog' is not a carrier");
}

}  // namespace
}  // namespace forensics
