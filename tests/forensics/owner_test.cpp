// Cgroup paths as the runtimes, schedulers and systemd make them: who people say it is, level by level.
#include "forensics/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forensics {
namespace {

const std::string kId = "ad6c46b550523f9a7b6d6796621f9e7ccaa3eaf87a044eaa6c9d21f0a52ce21f";
const std::string kOther = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const std::string kUid = "bc001ffa-68fc-11e9-92d7-5ef9efd9374c";
const std::string kUnderscored = "bc001ffa_68fc_11e9_92d7_5ef9efd9374c";
const std::string kUser = "/user.slice/user-1000.slice/user@1000.service";
const std::string kUserLevels = "slice user.slice > user 1000 (user-1000.slice) > the service manager of user 1000";

struct PathCase {
  const char* name;
  std::string path;
  std::string levels;  // names from the outside in
};

class OwnerLevels : public testing::TestWithParam<PathCase> {};

TEST_P(OwnerLevels, AreNamedFromTheOutsideIn) {
  const auto owner = owner_of(GetParam().path);
  std::string levels;
  if (owner) {
    for (const auto& level : owner->nested) {
      levels += (levels.empty() ? "" : " > ") + level.name;
      EXPECT_TRUE(GetParam().path.starts_with(level.cgroup)) << level.cgroup;
      EXPECT_FALSE(level.kind.empty());
      EXPECT_FALSE(level.runtime.empty());
    }
    EXPECT_EQ(owner->nested.back().name, cgroup_name(GetParam().path));
    EXPECT_FALSE(owner->name) << "which only the runtime knows";
  }
  EXPECT_EQ(levels, GetParam().levels);
}

const std::vector<PathCase> kContainers = {
    {"docker_cgroupfs", "/docker/" + kId, "docker container ad6c46b55052"},
    {"docker_systemd", "/system.slice/docker-" + kId + ".scope", "slice system.slice > docker container ad6c46b55052"},
    {"docker_rootless", kUser + "/user.slice/docker-" + kId + ".scope",
     kUserLevels + " > slice user.slice > docker container ad6c46b55052"},
    {"docker_in_docker", "/docker/" + kOther + "/docker/" + kId,
     "docker container 0f1e2d3c4b5a > docker container ad6c46b55052"},
    {"podman_rootful", "/machine.slice/libpod-" + kId + ".scope/container",
     "slice machine.slice > podman container ad6c46b55052"},
    {"podman_cgroupfs", "/libpod_parent/libpod-" + kId, "podman container ad6c46b55052"},
    {"podman_rootless", kUser + "/user.slice/libpod-" + kId + ".scope/container",
     kUserLevels + " > slice user.slice > podman container ad6c46b55052"},
    {"podman_monitor", "/machine.slice/libpod-conmon-" + kId + ".scope",
     "slice machine.slice > the monitor of podman container ad6c46b55052"},
    {"podman_pod", "/machine.slice/machine-libpod_pod_" + kOther + ".slice/libpod-" + kId + ".scope",
     "slice machine.slice > podman pod 0f1e2d3c4b5a > podman container ad6c46b55052"},
    {"podman_quadlet", "/system.slice/web.service/libpod-payload-" + kId,
     "slice system.slice > service web.service > podman container ad6c46b55052"},
    {"containerd_systemd",
     "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kUnderscored + ".slice/cri-containerd-" + kId +
         ".scope",
     "all pods of the node > all Burstable pods of the node > pod " + kUid +
         " (Burstable) > containerd container "
         "ad6c46b55052 of pod " +
         kUid},
    {"containerd_cgroupfs", "/kubepods/besteffort/pod" + kUid + "/" + kId,
     "all pods of the node > all BestEffort pods of the node > pod " + kUid +
         " (BestEffort) > kubernetes container "
         "ad6c46b55052 of pod " +
         kUid},
    {"containerd_guaranteed", "/kubepods/pod" + kUid + "/" + kId,
     "all pods of the node > pod " + kUid + " (Guaranteed) > kubernetes container ad6c46b55052 of pod " + kUid},
    {"containerd_mismatched", "/kubepods-burstable-pod" + kUnderscored + ".slice:cri-containerd:" + kId,
     "containerd container ad6c46b55052 of pod " + kUid},
    {"docker_mismatched", "/system.slice:docker:" + kId, "docker container ad6c46b55052"},
    {"containerd_namespace", "/k8s.io/" + kId, "containerd container ad6c46b55052"},
    {"nerdctl", "/system.slice/nerdctl-" + kId + ".scope", "slice system.slice > containerd container ad6c46b55052"},
    {"crio_systemd", "/kubepods.slice/kubepods-pod" + kUnderscored + ".slice/crio-" + kId + ".scope/container",
     "all pods of the node > pod " + kUid + " (Guaranteed) > cri-o container ad6c46b55052 of pod " + kUid},
    {"crio_cgroupfs", "/kubepods/burstable/pod" + kUid + "/crio-" + kId,
     "all pods of the node > all Burstable pods of the node > pod " + kUid +
         " (Burstable) > cri-o container "
         "ad6c46b55052 of pod " +
         kUid},
    {"crio_monitor", "/kubepods.slice/kubepods-pod" + kUnderscored + ".slice/crio-conmon-" + kId + ".scope",
     "all pods of the node > pod " + kUid + " (Guaranteed) > the monitor of cri-o container ad6c46b55052"},
    {"static_pod", "/kubepods/burstable/pod4e9d84f0c1f5ce2c8a9de13b6bbd8c4b",
     "all pods of the node > all Burstable pods of the node > pod 4e9d84f0c1f5ce2c8a9de13b6bbd8c4b (Burstable)"},
    {"kind",
     "/docker/" + kOther +
         "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-"
         "kubepods-besteffort-pod" +
         kUnderscored + ".slice/cri-containerd-" + kId + ".scope",
     "docker container 0f1e2d3c4b5a > slice kubelet.slice > all pods of the node > all BestEffort pods of the node > "
     "pod " +
         kUid + " (BestEffort) > containerd container ad6c46b55052 of pod " + kUid},
    {"k3s_in_a_unit", "/system.slice/k3s.service/kubepods/besteffort/pod" + kUid + "/" + kId,
     "slice system.slice > service k3s.service > all pods of the node > all BestEffort pods of the node > pod " + kUid +
         " (BestEffort) > kubernetes container ad6c46b55052 of pod " + kUid},
    {"rootless_kubernetes", kUser + "/kubelet-kubepods.slice/kubelet-kubepods-pod" + kUnderscored + ".slice",
     kUserLevels + " > all pods of the node > pod " + kUid + " (Guaranteed)"},
    {"buildkit", "/docker/buildkit/ux3hmzkhxijc1qbphp3zxkf7w", "buildkit container ux3hmzkhxijc1qbphp3zxkf7w"},
    {"yarn_docker", "/hadoop-yarn/container_1500000000000_0001_01_000002/" + kId,
     "yarn container container_1500000000000_0001_01_000002 > docker container ad6c46b55052"},
    {"unknown_runtime", "/somewhere/" + kId, "container ad6c46b55052"},
};

INSTANTIATE_TEST_SUITE_P(Containers, OwnerLevels, testing::ValuesIn(kContainers),
                         [](const auto& row) { return row.param.name; });

const std::vector<PathCase> kSystem = {
    {"service", "/system.slice/foo\\x2dbar.service", "slice system.slice > service foo-bar.service"},
    {"template", "/system.slice/system-getty.slice/getty@tty1.service",
     "slice system.slice > slice system-getty.slice > service getty@tty1.service"},
    {"session", "/user.slice/user-1000.slice/session-3.scope",
     "slice user.slice > user 1000 (user-1000.slice) > login session 3 of user 1000"},
    {"user_service", kUser + "/app.slice/run-u640.service",
     kUserLevels + " > slice app.slice > service run-u640.service"},
    {"desktop_application", kUser + "/app.slice/app-gnome-org.gnome.Terminal-1234.scope",
     kUserLevels + " > slice app.slice > application org.gnome.Terminal"},
    {"desktop_service", kUser + "/app.slice/app-gnome\\x2dsession\\x2dmanager@autostart.service",
     kUserLevels + " > slice app.slice > application gnome-session-manager"},
    {"snap", kUser + "/app.slice/snap.firefox.firefox-0a1b.scope",
     kUserLevels + " > slice app.slice > snap application firefox"},
    {"snap_service", "/system.slice/snap.lxd.daemon.service", "slice system.slice > snap application lxd"},
    {"flatpak", kUser + "/app.slice/app-flatpak-org.mozilla.firefox-99.scope",
     kUserLevels + " > slice app.slice > flatpak application org.mozilla.firefox"},
    {"lxc", "/lxc/web", "lxc container web"},
    {"lxc_payload", "/lxc.payload.web/system.slice/cron.service",
     "lxc container web > slice system.slice > service cron.service"},
    {"lxc_monitor", "/lxc.monitor.web", "the monitor of lxc container web"},
    {"lxd_project", "/lxc.payload.build_web", "lxc container build_web"},
    {"proxmox_container", "/lxc/101/ns/system.slice", "lxc container 101 > slice system.slice"},
    {"proxmox_machine", "/qemu.slice/105.scope", "slice qemu.slice > proxmox virtual machine 105"},
    {"nspawn", "/machine.slice/machine-web.scope/payload", "slice machine.slice > systemd-nspawn container web"},
    {"nspawn_unit", "/machine.slice/systemd-nspawn@deb\\x2d12.service/payload",
     "slice machine.slice > systemd-nspawn container deb-12"},
    {"libvirt", "/machine.slice/machine-qemu\\x2d7\\x2dvm\\x2da.scope/libvirt/emulator",
     "slice machine.slice > libvirt virtual machine vm-a"},
    {"libvirt_lxc", "/machine.slice/machine-lxc\\x2d12345\\x2ddemo.scope",
     "slice machine.slice > libvirt container demo"},
    {"libvirt_old", "/machine/vm-b.libvirt-qemu/vcpu0", "libvirt virtual machine vm-b"},
    {"libvirt_called_machine", "/machine/machine-x.libvirt-qemu/vcpu0", "libvirt virtual machine machine-x"},
    {"libvirt_oldest_called_machine", "/libvirt/qemu/machine-x",
     "libvirt group libvirt > libvirt virtual machine machine-x"},
    {"libvirt_oldest", "/libvirt/qemu/vm-c", "libvirt group libvirt > libvirt virtual machine vm-c"},
    {"slurm_v1", "/slurm/uid_1000/job_123/step_0/task_1",
     "slurm group slurm > user 1000 of slurm > slurm job 123 > slurm job 123.0 > slurm job 123.0 task 1"},
    {"slurm_v2", "/system.slice/slurmstepd.scope/job_4/step_batch/user/task_0",
     "slice system.slice > slurm group slurmstepd.scope > slurm job 4 > slurm job 4.batch > slurm job 4.batch task 0"},
    {"slurm_host", "/system.slice/node7_slurmstepd.scope/job_4/step_extern/user/task_special",
     "slice system.slice > slurm group node7_slurmstepd.scope > slurm job 4 > slurm job 4.extern > slurm job 4.extern "
     "task special"},
    {"htcondor", "/system.slice/htcondor/condor_var_lib_condor_execute_slot1_2@node",
     "slice system.slice > htcondor job slot1_2@node"},
    {"yarn", "/hadoop-yarn/container_e05_1500000000_0001_01_000002",
     "yarn container container_e05_1500000000_0001_01_000002"},
    {"nomad_v1", "/nomad/" + kUid + ".web", "nomad job " + kUid + "/web"},
    {"nomad_v2", "/nomad.slice/share.slice/" + kUid + ".web.scope",
     "slice nomad.slice > slice share.slice > nomad job " + kUid + "/web"},
    {"ecs_v1", "/ecs/" + kUid + "/" + kId, "ecs group ecs > ecs job " + kUid + " > ecs container ad6c46b55052"},
    {"ecs_cluster", "/ecs/prod/529630467358463ab6bbba4e73afe704/" + kId,
     "ecs group ecs > ecs job 529630467358463ab6bbba4e73afe704 > ecs container ad6c46b55052"},
    {"ecs_v2", "/ecstasks.slice/ecstasks-529630467358463ab6bbba4e73afe704.slice/docker-" + kId + ".scope",
     "slice ecstasks.slice > ecs job 529630467358463ab6bbba4e73afe704 > docker container ad6c46b55052"},
    {"garden", "/garden/4f2a-handle", "garden group garden > garden container 4f2a-handle"},
    {"garden_good", "/system.slice/runc-bpm-rep.scope/garden/good/4f2a-handle",
     "slice system.slice > unit runc-bpm-rep.scope > garden group garden > garden container 4f2a-handle"},
    {"pbs", "/pbs_jobs.service/jobid/12345.server", "service pbs_jobs.service > pbs job 12345.server"},
    {"own_run", "/oomlab-anon.312.1", "the run's cgroup"},
    {"root", "/", ""},
    {"nobody", "/build/job-3", ""},
    {"short_id", "/docker/short", ""},
};

INSTANTIATE_TEST_SUITE_P(System, OwnerLevels, testing::ValuesIn(kSystem),
                         [](const auto& row) { return row.param.name; });

TEST(Owner, KeepsTheUserOfWhatRunsInItsSession) {
  const auto owner = owner_of(kUser + "/user.slice/libpod-" + kId + ".scope");
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->user, "1000");
  EXPECT_EQ(owner->runtime, "podman");
  EXPECT_EQ(owner->container_id, kId);
}

TEST(Owner, OfAHostilePathIsBounded) {
  std::string path;
  for (int i = 0; i < 3000; ++i) {
    path += "/a.slice";
  }
  const auto owner = owner_of(path);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->nested.size(), 24U);
  EXPECT_EQ(owner->nested.back().cgroup, path);
}

struct ShortCase {
  const char* name;
  std::string path;
  std::string shortened;
};

class ShortenedPath : public testing::TestWithParam<ShortCase> {};

TEST_P(ShortenedPath, FitsASentence) {
  EXPECT_EQ(shortened_path(GetParam().path), GetParam().shortened);
}

INSTANTIATE_TEST_SUITE_P(Table, ShortenedPath,
                         testing::Values(ShortCase{"short", "/a/b", "/a/b"},
                                         ShortCase{"id", "/docker/" + kId + "/x", "/docker/ad6c46b55052…/x"},
                                         ShortCase{"long", "/" + std::string(100, 'l') + "/end",
                                                   "/" + std::string(20, 'l') + "…" + std::string(38, 'l') + "/end"},
                                         ShortCase{"umlauts", "/" + std::string(18, 'l') + "ööö" + std::string(60, 'l'),
                                                   "/" + std::string(18, 'l') + "ö…" + std::string(42, 'l')},
                                         ShortCase{"invalid", "/\xff\x1b[31m", "/\\xff\x1b[31m"}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace forensics
