# Tenon's boot script for U-Boot: it chooses slot group A or B by the contract in docs/device-integration.md.
#
#   mkimage -A arm64 -T script -C none -d boot.cmd boot.scr      U-Boot's distro boot finds /boot.scr by itself
#
# README.md beside this file says what U-Boot has to bring, and how it is tested.

# --- The board: what may be different on yours. Numbers are hexadecimal, as everywhere in U-Boot ------------

tenon_disk=${devtype}              # virtio, nvme, mmc, usb ...; here the disk that this script came from,
tenon_disk_number=${devnum}        # as distro boot tells it
tenon_env_partition=2              # both copies of the environment, as /etc/fw_env.config names them:
tenon_env_size=4000                # bytes of one copy
tenon_env_blocks=20                # the same in blocks of the disk
tenon_env_distance=80              # blocks from the first copy to the second
tenon_note_place=40                # blocks from the first copy to one that notes what was started as a last resort
tenon_partition_A=3                # the root file systems
tenon_partition_B=4
tenon_partition_recovery=          # a system that no update ever writes, the same files in it; empty: there is none
tenon_kernel=/boot/Image           # in the root file system
tenon_kernel_address=${kernel_addr_r}
tenon_initrd=                      # in the root file system too; empty: there is none
tenon_initrd_address=${ramdisk_addr_r}
tenon_device_tree=${fdtcontroladdr}
tenon_memory=48000000              # 5 MiB that nothing else uses
tenon_pause=30                     # seconds, in decimal, before a start that may be one of many
tenon_arguments="console=ttyAMA0 rootwait ro panic=1"

# A board with a watchdog arms it here, or a system that hangs keeps its try for ever:  wdt dev NAME; wdt start 60000

# --- Which copies are whole -------------------------------------------------------------------------------------------
# A copy, as libubootenv writes it: CRC-32 of the data, one byte that counts the writes, data. A U-Boot without
# CONFIG_SYS_REDUNDAND_ENVIRONMENT knows all but that byte: it is left out on the way to tenon_work, where its commands
# `env import -c` and `env export -c` find what they know.

setexpr tenon_work ${tenon_memory} + 200000
setexpr tenon_work_data ${tenon_memory} + 200004
setexpr tenon_saved ${tenon_memory} + 300000
setexpr tenon_reread ${tenon_memory} + 400000
setexpr tenon_note ${tenon_memory} + 480000
setexpr tenon_data_size ${tenon_env_size} - 5
setexpr tenon_work_size ${tenon_env_size} - 1

${tenon_disk} dev ${tenon_disk_number}
part start ${tenon_disk} ${tenon_disk_number} ${tenon_env_partition} tenon_first_block

tenon_whole=
for tenon_number in 0 1; do
  setexpr tenon_copy ${tenon_memory} + ${tenon_number}00000
  setexpr tenon_data ${tenon_copy} + 5
  setexpr tenon_block ${tenon_number} * ${tenon_env_distance}
  setexpr tenon_block ${tenon_first_block} + ${tenon_block}
  tenon_where="${tenon_block} ${tenon_env_blocks}"
  tenon_out="cp.b ${tenon_data} ${tenon_work_data} ${tenon_data_size}"
  tenon_in="cp.b ${tenon_work_data} ${tenon_data} ${tenon_data_size}"
  setenv tenon_unpack_${tenon_number} "cp.b ${tenon_copy} ${tenon_work} 4; ${tenon_out}"
  setenv tenon_pack_${tenon_number} "cp.b ${tenon_work} ${tenon_copy} 4; ${tenon_in}"
  setenv tenon_write_${tenon_number} "${tenon_disk} write ${tenon_copy} ${tenon_where}"
  setenv tenon_reread_${tenon_number} "${tenon_disk} read ${tenon_reread} ${tenon_where}"
  setenv tenon_compare_${tenon_number} "cmp.b ${tenon_copy} ${tenon_reread} ${tenon_env_size}"

  # What memory still holds from before a reset must not stand for a copy that cannot be read.
  mw.b ${tenon_copy} 0 ${tenon_env_size}
  ${tenon_disk} read ${tenon_copy} ${tenon_where}
  run tenon_unpack_${tenon_number}
  # A name that nobody uses: only the check of the CRC is wanted.
  if env import -c ${tenon_work} ${tenon_work_size} tenon_nothing; then
    tenon_whole="${tenon_whole}${tenon_number}"
  fi
done

# --- Which copy counts: the later one, by the byte that counts from 0 to 255 and on to 0 ------------------------------

setexpr tenon_address ${tenon_memory} + 4
setexpr.b tenon_writes_0 *${tenon_address}
setexpr tenon_address ${tenon_memory} + 100004
setexpr.b tenon_writes_1 *${tenon_address}

tenon_current=none
if test "x${tenon_whole}" = x0; then tenon_current=0; fi
if test "x${tenon_whole}" = x1; then tenon_current=1; fi
if test "x${tenon_whole}" = x01; then
  tenon_current=0
  if itest ${tenon_writes_1} -gt ${tenon_writes_0}; then tenon_current=1; fi
  if test ${tenon_writes_0}-${tenon_writes_1} = ff-0; then tenon_current=1; fi
  if test ${tenon_writes_0}-${tenon_writes_1} = 0-ff; then tenon_current=0; fi
fi
echo "Tenon: copies that are whole: [${tenon_whole}], in force: ${tenon_current}"

# --- What it says -----------------------------------------------------------------------------------------------------
# Only these variables are taken: nothing else in the environment of the disk changes what U-Boot does.

tenon_names="BOOT_ORDER BOOT_A_STATE BOOT_A_LEFT BOOT_B_STATE BOOT_B_LEFT BOOT_GENERATION BOOT_CHECK"
for tenon_name in "${tenon_names}"; do setenv ${tenon_name}; done
if test ${tenon_current} != none; then
  run tenon_unpack_${tenon_current}
  env import -c ${tenon_work} ${tenon_work_size} ${tenon_names}
fi
# The factory, or two damaged copies.
setenv tenon_record "${BOOT_ORDER}${BOOT_A_STATE}${BOOT_A_LEFT}${BOOT_B_STATE}${BOOT_B_LEFT}"
if test "x${tenon_record}${BOOT_GENERATION}${BOOT_CHECK}" = x; then
  setenv BOOT_A_STATE good
fi
tenon_slots="A B"
if test "x${BOOT_ORDER}" = "xB A"; then tenon_slots="B A"; fi

# --- The last resort, when none of them boots -------------------------------------------------------------------------
# What once booted, in the order in which it is likely to boot again: a slot that failed is better than none. An empty one holds
# nothing whole. Then the recovery system. Each start goes on behind what was started last, as long as the record is the same.

tenon_last_resort=
if test ${tenon_current} = none; then
  tenon_last_resort="A B"
else
  for tenon_wanted in good bad trial; do
    for tenon_slot in "${tenon_slots}"; do
      if test ${tenon_slot} = A; then setenv tenon_state "${BOOT_A_STATE}"; else setenv tenon_state "${BOOT_B_STATE}"; fi
      if test "x${tenon_state}" = "x${tenon_wanted}"; then tenon_last_resort="${tenon_last_resort} ${tenon_slot}"; fi
    done
  done
fi
if test -n "${tenon_partition_recovery}"; then tenon_last_resort="${tenon_last_resort} recovery"; fi

# --- The first slot of the order that may boot ------------------------------------------------------------------------
# What comes from the environment is compared in quotes and behind an x, so that odd values are only words.

for tenon_round in record last_resort; do
  tenon_list="${tenon_slots}"
  setenv tenon_how
  if test ${tenon_round} = last_resort; then
    setexpr tenon_block ${tenon_first_block} + ${tenon_note_place}
    tenon_where="${tenon_note} ${tenon_block} 1"
    mw.b ${tenon_note} 0 200
    setenv tenon_last
    ${tenon_disk} read ${tenon_where}
    env import -c ${tenon_note} 200 tenon_last
    tenon_before=
    tenon_behind=
    tenon_found=
    for tenon_slot in "${tenon_last_resort}"; do
      if test -n "${tenon_found}"; then
        tenon_behind="${tenon_behind} ${tenon_slot}"
      else
        tenon_before="${tenon_before} ${tenon_slot}"
      fi
      if test "x${tenon_last}" = "x${BOOT_GENERATION}-${tenon_slot}"; then tenon_found=yes; fi
    done
    tenon_list="${tenon_behind}${tenon_before}"
    # Who runs against a record has to know it.
    if test ${tenon_current} != none; then setenv tenon_how " tenon.last_resort"; fi
    echo "Tenon: no slot boots; the last resort in ${tenon_pause} s:${tenon_list}"
    sleep ${tenon_pause}
  fi

  for tenon_slot in "${tenon_list}"; do
    if test ${tenon_slot} = A; then
      tenon_partition=${tenon_partition_A}; setenv tenon_state "${BOOT_A_STATE}"; setenv tenon_left "${BOOT_A_LEFT}"
    else
      tenon_partition=${tenon_partition_B}; setenv tenon_state "${BOOT_B_STATE}"; setenv tenon_left "${BOOT_B_LEFT}"
    fi

    setenv tenon_says
    if test ${tenon_round} = last_resort; then
      if test ${tenon_slot} = recovery; then tenon_partition=${tenon_partition_recovery}; fi
      setenv tenon_state
      setenv tenon_says "last resort"
      setenv tenon_last "${BOOT_GENERATION}-${tenon_slot}"
      env export -c -s 200 ${tenon_note} tenon_last
      ${tenon_disk} write ${tenon_where}
    fi
    if test "x${tenon_state}" = xgood; then setenv tenon_says "good"; fi
    if test "x${tenon_state}" = xtrial; then
      # The digit before it. 0 has none, and neither has what is no single digit: it counts as no try.
      tenon_before=
      tenon_digit_before=0
      for tenon_digit in 1 2 3 4 5 6 7 8 9; do
        if test "x${tenon_left}" = "x${tenon_digit}"; then tenon_before=${tenon_digit_before}; fi
        tenon_digit_before=${tenon_digit}
      done
      if test -n "${tenon_before}"; then
        # The new copy has to hold all that the old one holds, and U-Boot exports what is in its own environment: so that
        # makes room for a moment. The commands stand in a variable with all numbers filled in: no variable from the disk
        # can stand for a number.
        run tenon_unpack_${tenon_current}
        setenv tenon_counted
        setenv tenon_take "env import -d -c ${tenon_work} ${tenon_work_size}"
        setenv tenon_count "setenv BOOT_${tenon_slot}_LEFT ${tenon_before}"
        setenv tenon_give "env export -c -s ${tenon_work_size} ${tenon_work}"
        env export -b ${tenon_saved}
        setenv tenon_back "env import -d -b ${tenon_saved} ${filesize}"
        setenv tenon_count "${tenon_take} && ${tenon_count} && ${tenon_give} && ${tenon_back} && setenv tenon_counted yes"
        setenv tenon_count "${tenon_count} || ${tenon_back}"
        run tenon_count

        # Over the other copy: a cut in the middle of this leaves the one that is in force.
        setexpr tenon_address ${tenon_memory} + ${tenon_current}00004
        setexpr.b tenon_writes *${tenon_address}
        setexpr tenon_writes ${tenon_writes} + 1
        if test ${tenon_current} = 0; then tenon_other=1; else tenon_other=0; fi
        run tenon_pack_${tenon_other}
        setexpr tenon_address ${tenon_memory} + ${tenon_other}00004
        mw.b ${tenon_address} ${tenon_writes}  # a byte: 100 is 0
        mw.b ${tenon_reread} 0 ${tenon_env_size}
        if test -n "${tenon_counted}"; then run tenon_write_${tenon_other} tenon_reread_${tenon_other}; fi
        # A try that cannot be counted would be tried for ever.
        if run tenon_compare_${tenon_other}; then
          tenon_current=${tenon_other}
          setenv tenon_says "trial, ${tenon_before} left"
        else
          echo "Tenon: slot ${tenon_slot} is passed over: its try cannot be counted"
        fi
      fi
    fi

    if test -n "${tenon_says}"; then
      echo "Tenon: booting slot ${tenon_slot} (${tenon_says})"
      # A root that is named by its partition's id stays the same whatever Linux calls the disk.
      part uuid ${tenon_disk} ${tenon_disk_number}:${tenon_partition} tenon_root
      setenv bootargs "${tenon_arguments} root=PARTUUID=${tenon_root} tenon.slot=${tenon_slot}${tenon_how}"
      setenv tenon_place "${tenon_disk} ${tenon_disk_number}:${tenon_partition}"
      setenv tenon_ramdisk -
      if test -n "${tenon_initrd}"; then
        if load ${tenon_place} ${tenon_initrd_address} ${tenon_initrd}; then
          setenv tenon_ramdisk ${tenon_initrd_address}:${filesize}
        else
          setenv tenon_ramdisk
        fi
      fi
      if test -n "${tenon_ramdisk}" && load ${tenon_place} ${tenon_kernel_address} ${tenon_kernel}; then
        booti ${tenon_kernel_address} ${tenon_ramdisk} ${tenon_device_tree}
      fi
      echo "Tenon: slot ${tenon_slot} cannot be loaded"
    fi
  done
done
reset
