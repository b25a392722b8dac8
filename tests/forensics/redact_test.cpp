#include "forensics/redact.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/json.h"
#include "forensics/kernel_words.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::HasSubstr;
using testing::joined;
using testing::memcg_report;
using ::testing::Not;
using testing::parse_text;

Postmortem redacted(Postmortem document, const std::string& key = "key") {
  Redactor redactor(key);
  redact(document, redactor);
  return document;
}

TEST(Redact, NamesGoAndWhatHappenedStays) {
  auto lines = memcg_report("payrolld", 4242, "/customers.slice/acme-payroll.service");
  lines.insert(lines.begin() + 8, "payroll[12]: user bob@example.org wrote 5 kB to /srv/secret/file");
  const auto document = parse_text(joined(lines, "Jun 12 03:04:05 db7.acme.example kernel: "));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto after = redacted(document);
  const auto json = to_json(after);
  for (const auto* name : {"payroll", "acme", "customers", "db7", "bob", "example", "secret"}) {
    EXPECT_THAT(json, Not(HasSubstr(name)));
  }
  const auto& incident = after.incidents[0];
  EXPECT_EQ(incident.victims[0].pid, 4242);
  EXPECT_EQ(incident.victims[0].comm, incident.trigger.comm);
  EXPECT_EQ(incident.victims[0].comm, incident.tasks[0].comm);
  EXPECT_THAT(incident.verdict, HasSubstr(*incident.victims[0].comm + " (pid 4242) was killed because "));
  EXPECT_THAT(*incident.cgroup->oom_memcg, ::testing::MatchesRegex("/c-[0-9a-f]{8}.slice/c-[0-9a-f]{8}.service"));
  EXPECT_THAT(incident.verdict, HasSubstr(incident.cgroup->oom_memcg->substr(18)));
  EXPECT_EQ(incident.cgroup->owner->unit, incident.cgroup->oom_memcg->substr(18));
  ASSERT_EQ(incident.log.unrecognized.size(), 1U);
  EXPECT_THAT(incident.log.unrecognized[0].text, HasSubstr("[12]: "));
  EXPECT_THAT(incident.log.unrecognized[0].text, HasSubstr(" 5 kB to /"));
  EXPECT_EQ(incident.kernel.release, "6.12.9");
  EXPECT_EQ(incident.log.lines[0].text,
            *incident.trigger.comm + " invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
}

TEST(Redact, TheKeyDecides) {
  const auto document = parse_text(joined(memcg_report("payrolld", 4242, "/acme.service")));
  const auto comm = [&](const std::string& key) { return *redacted(document, key).incidents[0].trigger.comm; };
  EXPECT_EQ(comm("one"), comm("one"));
  EXPECT_NE(comm("one"), comm("two"));
  const auto other = parse_text(joined(memcg_report("payrolld", 99, "/other.service")));
  EXPECT_EQ(*redacted(other, "one").incidents[0].trigger.comm, comm("one"));
}

TEST(Redact, IdsKeepTheirShape) {
  const std::string pod = "7f1c2d3e_1111_2222_3333_444455556666";
  const std::string container(64, 'a');
  Redactor redactor("key");
  const auto path = redactor.cgroup("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + pod +
                                    ".slice/cri-containerd-" + container + ".scope");
  EXPECT_THAT(path, ::testing::MatchesRegex("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
                                            "[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12}.slice/"
                                            "cri-containerd-[0-9a-f]{64}.scope"));
  EXPECT_THAT(path, Not(HasSubstr(pod)));
  EXPECT_THAT(path, Not(HasSubstr(container)));
  EXPECT_EQ(redactor.cgroup("/user.slice/user-1000.slice/session-3.scope"),
            "/user.slice/user-1000.slice/session-3.scope");
  EXPECT_EQ(redactor.cgroup("/docker/" + container).size(), 8 + container.size());
  EXPECT_EQ(redactor.cgroup("/"), "/");
}

TEST(Redact, NamesOfInputs) {
  Redactor redactor("key");
  EXPECT_EQ(redactor.file("/var/log/kern.log.1.gz"), "/var/log/kern.log.1.gz");
  EXPECT_EQ(redactor.file("-"), "-");
  EXPECT_THAT(redactor.file("/home/bob/acme/kern.log"),
              ::testing::MatchesRegex("/home/f-[0-9a-f]{8}/f-[0-9a-f]{8}/kern.log"));
  EXPECT_THAT(redactor.sentence("/home/bob/acme/kern.log: it ends early"), Not(HasSubstr("bob")));
}

// Whatever the name is: of a process that is named as a word of the kernel's lines, with blanks, brackets, any bytes.
TEST(Redact, HostileNames) {
  for (const std::string name : {"memory", "(sd-pam)", "a),pid=1 \x1b\xff<", "Web Content", "</script>", "a"}) {
    SCOPED_TRACE(name);
    const auto after = redacted(parse_text(joined(memcg_report(name, 4242, "/x y/" + name + ".service"))));
    ASSERT_EQ(after.incidents.size(), 1U);
    const auto& incident = after.incidents[0];
    EXPECT_THAT(*incident.victims[0].comm, ::testing::MatchesRegex("p-[0-9a-f]{8}"));
    for (const auto& line : incident.log.lines) {
      if (line.kind == "kill") {
        EXPECT_THAT(line.text, HasSubstr("(" + *incident.victims[0].comm + ")"));
      }
    }
    EXPECT_EQ(to_json(after),
              to_json(redacted(parse_text(joined(memcg_report(name, 4242, "/x y/" + name + ".service"))))));
  }
}

TEST(KernelWords, AreKnown) {
  for (const auto* word : {"invoked", "oom-killer", "65536kB", "0xcc0", "GFP_KERNEL", "__GFP_ZERO", "#48", "36.5%"}) {
    EXPECT_TRUE(is_kernel_word(word)) << word;
  }
  for (const auto* word : {"nginx", "0xnginx", "GFP_nginx", "1nginx", "host1", ""}) {
    EXPECT_FALSE(is_kernel_word(word)) << word;
  }
}

std::vector<std::filesystem::path> logs() {
  std::vector<std::filesystem::path> files;
  const char* const elsewhere = std::getenv("OOMLAB_CORPUS");
  const std::filesystem::path tree(OOMLAB_SOURCE_DIR);
  for (const auto& folder : {tree / "tests/fixtures/logs/6.1", tree / "tests/fixtures/logs/6.12",
                             elsewhere != nullptr ? std::filesystem::path(elsewhere) : tree / "../shared/corpus"}) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
      files.push_back(entry.path());
    }
  }
  return files;
}

// Names that no text of ours has: words of English and of the kernel would be found by chance.
std::set<std::string> telling_names(const Postmortem& document) {
  std::set<std::string> names;
  const auto add = [&](const std::string& name) {
    const bool telling = name.size() >= 4 && name.find_first_of("0123456789-/:") != std::string::npos &&
                         name.find_first_not_of("0123456789") != std::string::npos && !is_kernel_word(name);
    if (telling) {
      names.insert(name);
    }
  };
  for (const auto& incident : document.incidents) {
    add(incident.time.host.value_or(""));
    add(incident.trigger.comm.value_or(""));
    std::ranges::for_each(incident.tasks, [&](const Task& task) { add(task.comm); });
    std::ranges::for_each(incident.victims, [&](const Victim& victim) { add(victim.comm.value_or("")); });
    if (incident.cgroup && incident.cgroup->owner) {
      add(incident.cgroup->owner->container_id.value_or(""));
      add(incident.cgroup->owner->pod_uid.value_or(""));
    }
  }
  return names;
}

TEST(Redact, EveryLogLosesItsNamesAndNothingElse) {
  std::size_t found = 0;
  for (const auto& file : logs()) {
    SCOPED_TRACE(file.filename());
    const auto text = base::read_all(file);
    ASSERT_TRUE(text);
    const auto before = parse_text(*text);
    const auto after = redacted(before);
    const auto json = to_json(after);
    for (const auto& name : telling_names(before)) {
      ++found;
      EXPECT_THAT(json, Not(HasSubstr(name)));
    }
    ASSERT_EQ(after.incidents.size(), before.incidents.size());
    for (std::size_t i = 0; i < after.incidents.size(); ++i) {
      const auto& one = before.incidents[i];
      const auto& other = after.incidents[i];
      EXPECT_EQ(one.kind, other.kind);
      EXPECT_EQ(one.scope, other.scope);
      EXPECT_EQ(one.missing, other.missing);
      EXPECT_EQ(one.call_trace, other.call_trace);
      EXPECT_EQ(one.log.lines.size(), other.log.lines.size());
      ASSERT_EQ(one.diagnosis.size(), other.diagnosis.size());
      for (std::size_t k = 0; k < one.diagnosis.size(); ++k) {
        EXPECT_EQ(one.diagnosis[k].code, other.diagnosis[k].code);
      }
      const auto runtime = [](const Incident& incident) {
        return incident.cgroup && incident.cgroup->owner ? incident.cgroup->owner->runtime : std::nullopt;
      };
      EXPECT_EQ(runtime(one), runtime(other));
    }
  }
  EXPECT_GT(found, 50U);
}

}  // namespace
}  // namespace forensics
